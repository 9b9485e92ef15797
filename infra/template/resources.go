package template

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	aws = ":" + Region + ":" + Account + ":"
	// streamLabel is when a table's stream began, which is part of the stream's ARN.
	streamLabel = "2026-01-01T00:00:00.000"
)

// kind says how a type of resource is named: {name} stands for its physical name.
type kind struct {
	named      string // the property that has the physical name; empty: none has
	ref        string // what Ref gives; empty: the physical name
	attributes map[string]string
}

// kinds are the types of resources.
var kinds = map[string]kind{
	"AWS::Serverless::Function": {named: "FunctionName", attributes: map[string]string{"Arn": "arn:aws:lambda" + aws + "function:{name}"}},
	"AWS::Serverless::HttpApi":  {},
	"AWS::SQS::Queue": {named: "QueueName", ref: "{url}", attributes: map[string]string{
		"Arn": "arn:aws:sqs" + aws + "{name}", "QueueName": "{name}", "QueueUrl": "{url}"}},
	"AWS::DynamoDB::Table": {named: "TableName", attributes: map[string]string{
		"Arn": "arn:aws:dynamodb" + aws + "table/{name}", "StreamArn": "arn:aws:dynamodb" + aws + "table/{name}/stream/" + streamLabel}},
	"AWS::IAM::Role":             {named: "RoleName", attributes: map[string]string{"Arn": "arn:aws:iam::" + Account + ":role/{name}"}},
	"AWS::KMS::Key":              {attributes: map[string]string{"Arn": "arn:aws:kms" + aws + "key/{name}", "KeyId": "{name}"}},
	"AWS::Logs::LogGroup":        {named: "LogGroupName", attributes: map[string]string{"Arn": "arn:aws:logs" + aws + "log-group:{name}:*"}},
	"AWS::Logs::MetricFilter":    {named: "FilterName"},
	"AWS::CloudWatch::Alarm":     {named: "AlarmName", attributes: map[string]string{"Arn": "arn:aws:cloudwatch" + aws + "alarm:{name}"}},
	"AWS::CloudWatch::Dashboard": {named: "DashboardName"},
	"AWS::CloudFormation::Stack": {ref: "arn:aws:cloudformation" + aws + "stack/{name}/rehearsal"},
}

// resourceFields are what a resource may say beside its type, properties and condition: when it is made, kept and built.
var resourceFields = []string{"Type", "Properties", "Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"}

// resource returns the node of a resource that is part of the stack, and its kind.
func (r *resolver) resource(id string) (*yaml.Node, kind, error) {
	n := member(r.document["Resources"], id)
	if n == nil {
		return nil, kind{}, fmt.Errorf("%s is %w", id, errNotKnown)
	}
	there, err := r.present(n)
	if err != nil {
		return nil, kind{}, err
	}
	if !there {
		return nil, kind{}, fmt.Errorf("%s is not there: its condition does not hold", id)
	}
	typ := member(n, "Type")
	if typ == nil {
		return nil, kind{}, fmt.Errorf("line %d: %s has no type", n.Line, id)
	}
	k, known := kinds[typ.Value]
	if !known {
		return nil, kind{}, fmt.Errorf("line %d: %s has type %s, which is %w", n.Line, id, typ.Value, errNotKnown)
	}
	return n, k, nil
}

// refResource is what Ref of a resource gives, or of the alias and version that SAM makes of a function.
func (r *resolver) refResource(name string) (any, error) {
	id, part, has := strings.Cut(name, ".")
	if has && (part == "Alias" || part == "Version") {
		return r.attribute(id, "Arn")
	}
	_, k, err := r.resource(name)
	if err != nil {
		return nil, err
	}
	if k.ref == "" {
		return r.physical(name)
	}
	return r.fill(k.ref, name)
}

func (r *resolver) attribute(id, attribute string) (any, error) {
	_, k, err := r.resource(id)
	if err != nil {
		return nil, err
	}
	form, known := k.attributes[attribute]
	if !known {
		return nil, fmt.Errorf("attribute %s of %s is %w", attribute, id, errNotKnown)
	}
	return r.fill(form, id)
}

func (r *resolver) fill(form, id string) (string, error) {
	name, err := r.physical(id)
	if err != nil {
		return "", err
	}
	return strings.NewReplacer("{name}", name, "{url}", r.options.QueueURL(name)).Replace(form), nil
}

// physical is the physical name of a resource: the one it is given, or one made of the stack's name and its own.
func (r *resolver) physical(id string) (string, error) {
	n, k, err := r.resource(id)
	if err != nil {
		return "", err
	}
	given := member(member(n, "Properties"), k.named)
	if given == nil {
		return r.options.Stack + "-" + id, nil
	}
	if err := r.enter("the name of " + id); err != nil {
		return "", err
	}
	defer r.leave()
	return r.text(given)
}

// allResources resolves the resources that are part of the stack, Globals applied.
func (r *resolver) allResources() (map[string]Resource, error) {
	globals, err := r.globals()
	if err != nil {
		return nil, err
	}
	all := map[string]Resource{}
	for id, n := range members(r.document["Resources"]) {
		if there, err := r.present(n); err != nil {
			return nil, fmt.Errorf("%s: %w", id, err)
		} else if !there {
			continue
		}
		if _, _, err := r.resource(id); err != nil {
			return nil, err
		}
		for field := range members(n) {
			if !slices.Contains(resourceFields, field) {
				return nil, fmt.Errorf("line %d: %s has %s, which is %w", n.Line, id, field, errNotKnown)
			}
		}
		one := Resource{Type: member(n, "Type").Value, Properties: map[string]any{}}
		if properties := member(n, "Properties"); properties != nil {
			v, err := r.value(properties)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", id, err)
			}
			var is bool
			if one.Properties, is = v.(map[string]any); !is {
				return nil, fmt.Errorf("line %d: %s: its properties are no mapping", properties.Line, id)
			}
		}
		if global := globals[one.Type]; global != nil {
			one.Properties = merge(global, one.Properties).(map[string]any)
		}
		all[id] = one
	}
	return all, nil
}

// globals are the properties in Globals by the type of resource that they are for.
func (r *resolver) globals() (map[string]map[string]any, error) {
	all := map[string]map[string]any{}
	for section, n := range members(r.document["Globals"]) {
		if section != "Function" && section != "HttpApi" {
			return nil, fmt.Errorf("line %d: globals of %s are %w", n.Line, section, errNotKnown)
		}
		v, err := r.value(n)
		if err != nil {
			return nil, fmt.Errorf("in Globals: %w", err)
		}
		all["AWS::Serverless::"+section], _ = v.(map[string]any)
	}
	return all, nil
}

// merge lays what a resource says over what Globals say: mappings member by member, lists one after the other, all else by
// replacing it.
func merge(global, own any) any {
	switch g := global.(type) {
	case map[string]any:
		if o, is := own.(map[string]any); is {
			merged := map[string]any{}
			for name, v := range g {
				merged[name] = v
			}
			for name, v := range o {
				if old, has := merged[name]; has {
					v = merge(old, v)
				}
				merged[name] = v
			}
			return merged
		}
	case []any:
		if o, is := own.([]any); is {
			return slices.Concat(g, o)
		}
	}
	return own
}
