package template

import (
	"cmp"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
)

// builder makes a template of its resolved resources.
type builder struct {
	*resolver
	t      *Template
	faults []error
}

func (b *builder) build() (*Template, error) {
	for _, id := range sortedKeys(b.t.Resources) {
		p := &properties{place: "Resources." + id + ".Properties", values: b.t.Resources[id].Properties, faults: &b.faults}
		switch b.t.Resources[id].Type {
		case "AWS::SQS::Queue":
			b.t.Queues[id] = b.queue(id, p)
		case "AWS::DynamoDB::Table":
			b.t.Tables[id] = b.table(id, p)
		case "AWS::IAM::Role":
			b.t.Roles[id] = b.role(id, p)
		case "AWS::Serverless::HttpApi":
			p.done("Name", "Description", "FailOnWarnings", "DefaultRouteSettings", "AccessLogSettings", "Tags")
		case "AWS::Serverless::Function":
			b.t.Functions[id] = b.function(id, p)
		}
	}
	b.sortRoutes()
	if len(b.faults) > 0 {
		return nil, errors.Join(b.faults...)
	}
	return b.t, nil
}

// get is an attribute of a resource, or what Ref gives if attribute is empty. The resource was resolved before, so that it can.
func (b *builder) get(id, attribute string) string {
	var v any
	var err error
	if attribute == "" {
		v, err = b.refResource(id)
	} else {
		v, err = b.attribute(id, attribute)
	}
	if err != nil {
		b.faults = append(b.faults, err)
	}
	text, _ := v.(string)
	return text
}

// owner finds the resource of a type which has a text as its attribute, such as an ARN.
func (b *builder) owner(p *properties, name, text, typ, attribute string) string {
	for _, id := range sortedKeys(b.t.Resources) {
		if b.t.Resources[id].Type == typ && b.get(id, attribute) == text {
			return id
		}
	}
	if text != "" {
		p.fault(name, "is %s, which is no %s of this template", text, typ)
	}
	return ""
}

func (b *builder) queue(id string, p *properties) *Queue {
	redrive := p.within("RedrivePolicy")
	q := &Queue{
		ID: id, Name: b.get(id, "QueueName"), ARN: b.get(id, "Arn"), URL: b.get(id, ""), Properties: p.values,
		Visibility: p.seconds("VisibilityTimeout", 30), Retention: p.seconds("MessageRetentionPeriod", 345600),
		MaxReceives: redrive.number("maxReceiveCount", 0),
	}
	if redrive.values != nil {
		q.DeadLetters = b.owner(redrive, "deadLetterTargetArn", redrive.must("deadLetterTargetArn"), "AWS::SQS::Queue", "Arn")
	}
	redrive.done()
	p.done("QueueName", "RedriveAllowPolicy", "MaximumMessageSize", "SqsManagedSseEnabled", "Tags")
	return q
}

func (b *builder) table(id string, p *properties) *Table {
	t := &Table{ID: id, Name: b.get(id, ""), ARN: b.get(id, "Arn")}
	t.Properties = map[string]any{"TableName": t.Name}
	for _, name := range []string{"BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "DeletionProtectionEnabled", "Tags"} {
		if v := p.take(name); v != nil {
			t.Properties[name] = v
		}
	}
	if stream := p.within("StreamSpecification"); stream.values != nil {
		t.StreamARN = b.get(id, "StreamArn")
		t.Properties["StreamSpecification"] = map[string]any{"StreamEnabled": true, "StreamViewType": stream.must("StreamViewType")}
		stream.done()
	}
	if ttl := p.within("TimeToLiveSpecification"); ttl.flag("Enabled", false) {
		t.TimeToLive = ttl.must("AttributeName")
		ttl.done()
	}
	p.done("TableName", "PointInTimeRecoverySpecification")
	return t
}

func (b *builder) function(id string, p *properties) *Function {
	f := &Function{
		ID: id, Name: b.get(id, ""), ARN: b.get(id, "Arn"), Code: path.Clean(p.must("CodeUri")),
		Timeout: p.seconds("Timeout", 3), Memory: p.number("MemorySize", 128), Environment: map[string]string{},
	}
	f.Role = b.owner(p, "Role", p.must("Role"), "AWS::IAM::Role", "Arn")
	architectures := p.texts("Architectures")
	if len(architectures) != 1 {
		p.fault("Architectures", "are %v, want one", architectures)
	}
	f.Architecture = strings.Join(architectures, "")
	if runtime, handler := p.must("Runtime"), p.must("Handler"); runtime != "provided.al2023" || handler != "bootstrap" {
		p.fault("Runtime", "is %s with handler %s, which is %w", runtime, handler, errNotKnown)
	}
	environment := p.within("Environment")
	variables := environment.within("Variables")
	for name := range variables.values {
		f.Environment[name] = variables.text(name, "")
	}
	environment.done()
	events := p.within("Events")
	for _, name := range sortedKeys(events.values) {
		b.event(f, name, events.within(name))
	}
	p.done("FunctionName", "Description", "Tags", "LoggingConfig", "AutoPublishAlias", "AutoPublishAliasAllProperties", "DeploymentPreference",
		"RecursiveLoop", "EventInvokeConfig")
	return f
}

// event adds what calls a function.
func (b *builder) event(f *Function, name string, e *properties) {
	typ, p := e.must("Type"), e.within("Properties")
	e.done()
	id := f.ID + name // as SAM names the resource that it makes of it
	switch typ {
	case "HttpApi":
		b.route(f, p)
	case "SQS":
		f.Queues = append(f.Queues, b.queueMapping(id, p))
	case "DynamoDB":
		f.Streams = append(f.Streams, b.streamMapping(id, p))
	case "ScheduleV2":
		f.Schedules = append(f.Schedules, b.schedule(id, p))
	default:
		e.fault("Type", "is %s, which is %w", typ, errNotKnown)
	}
}

func (b *builder) queueMapping(id string, p *properties) QueueMapping {
	scaling := p.within("ScalingConfig")
	m := QueueMapping{
		ID: id, Queue: b.owner(p, "Queue", p.must("Queue"), "AWS::SQS::Queue", "Arn"), BatchSize: p.number("BatchSize", 10),
		Window: p.seconds("MaximumBatchingWindowInSeconds", 0), MaxConcurrency: scaling.number("MaximumConcurrency", 0),
		PartialFailures: p.partialFailures(), Enabled: p.flag("Enabled", true),
	}
	scaling.done()
	p.done()
	return m
}

func (b *builder) streamMapping(id string, p *properties) StreamMapping {
	m := StreamMapping{
		ID: id, Table: b.owner(p, "Stream", p.must("Stream"), "AWS::DynamoDB::Table", "StreamArn"), BatchSize: p.number("BatchSize", 100),
		Window: p.seconds("MaximumBatchingWindowInSeconds", 0), Filters: filters(p.within("FilterCriteria")),
		Bisect: p.flag("BisectBatchOnFunctionError", false), MaxRetries: p.number("MaximumRetryAttempts", -1),
		MaxAge: max(0, p.seconds("MaximumRecordAgeInSeconds", -1)), Parallel: p.number("ParallelizationFactor", 1),
		OnFailure: b.onFailure(p.within("DestinationConfig")), PartialFailures: p.partialFailures(), Enabled: p.flag("Enabled", true),
		Start: p.must("StartingPosition"),
	}
	if m.Table != "" && b.t.Resources[m.Table].Properties["StreamSpecification"] == nil {
		p.fault("Stream", "is that of %s, which has none", m.Table)
	}
	p.done()
	return m
}

func filters(p *properties) []string {
	var patterns []string
	for _, f := range p.each("Filters") {
		patterns = append(patterns, f.must("Pattern"))
		f.done()
	}
	p.done()
	return patterns
}

func (b *builder) onFailure(p *properties) string {
	if p.values == nil {
		return ""
	}
	f := p.within("OnFailure")
	if typ := f.text("Type", "SQS"); typ != "SQS" {
		f.fault("Type", "is %s, which is %w", typ, errNotKnown)
	}
	arn := f.must("Destination")
	b.owner(f, "Destination", arn, "AWS::SQS::Queue", "Arn")
	f.done()
	p.done()
	return arn
}

func (b *builder) schedule(id string, p *properties) Schedule {
	s := Schedule{
		ID: id, Name: p.text("Name", b.options.Stack+"-"+id), Expression: p.must("ScheduleExpression"), Input: p.text("Input", ""),
	}
	state := p.text("State", "ENABLED")
	if s.Enabled = state == "ENABLED"; !s.Enabled && state != "DISABLED" {
		p.fault("State", "is %s, which is %w", state, errNotKnown)
	}
	if window := p.within("FlexibleTimeWindow"); window.text("Mode", "OFF") != "OFF" {
		window.fault("Mode", "is %w", errNotKnown)
	}
	p.done("RoleArn", "RetryPolicy", "Description")
	return s
}

func (b *builder) route(f *Function, p *properties) {
	b.owner(p, "ApiId", p.must("ApiId"), "AWS::Serverless::HttpApi", "")
	r := Route{Method: strings.ToUpper(p.text("Method", "")), Path: p.text("Path", ""), Function: f.ID}
	if r.Method == "*" {
		r.Method = "ANY"
	}
	switch {
	case r.Path == "" && r.Method == "", r.Path == "$default":
		r = Route{Path: "$default", Function: f.ID}
	case r.Path == "" || r.Method == "":
		p.fault("Path", "and Method belong together")
	}
	for _, other := range b.t.Routes {
		if other.Method == r.Method && other.Path == r.Path {
			p.fault("Path", "makes the route %s %s once more: %s has it", r.Method, r.Path, other.Function)
		}
	}
	b.t.Routes = append(b.t.Routes, r)
	p.done()
}

func (b *builder) sortRoutes() {
	slices.SortFunc(b.t.Routes, func(x, y Route) int {
		return cmp.Or(cmp.Compare(x.Path, y.Path), cmp.Compare(x.Method, y.Method))
	})
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
