package template

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// call applies an intrinsic function for values. Those for conditions are in conditions.go.
func (r *resolver) call(name string, n *yaml.Node) (any, error) {
	switch name {
	case "Ref":
		return r.callRef(n)
	case "Fn::GetAtt":
		return r.callGetAtt(n)
	case "Fn::Sub":
		return r.callSub(n)
	case "Fn::If":
		return r.callIf(n)
	case "Fn::Join":
		return r.callJoin(n)
	case "Fn::Split":
		return r.callSplit(n)
	case "Fn::Select":
		return r.callSelect(n)
	case "Fn::FindInMap":
		return r.callFindInMap(n)
	}
	return nil, fmt.Errorf("the function is %w here", errNotKnown)
}

// pseudo are the pseudo parameters but the stack's name and id, and AWS::NoValue.
var pseudo = map[string]string{
	"AWS::AccountId": Account, "AWS::Region": Region, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com",
}

func (r *resolver) callRef(n *yaml.Node) (any, error) {
	name, err := r.text(n)
	if err != nil {
		return nil, err
	}
	return r.ref(name)
}

func (r *resolver) ref(name string) (any, error) {
	if text, is := pseudo[name]; is {
		return text, nil
	}
	switch name {
	case "AWS::NoValue":
		return absent{}, nil
	case "AWS::StackName":
		return r.options.Stack, nil
	case "AWS::StackId":
		return "arn:aws:cloudformation:" + Region + ":" + Account + ":stack/" + r.options.Stack + "/rehearsal", nil
	}
	if value, is := r.parameters[name]; is {
		return value, nil
	}
	return r.refResource(name)
}

// callGetAtt takes Resource.Attribute, or a list of the two.
func (r *resolver) callGetAtt(n *yaml.Node) (any, error) {
	if n.Kind == yaml.SequenceNode {
		parts, err := r.texts(n, 2)
		if err != nil {
			return nil, err
		}
		return r.attribute(parts[0], parts[1])
	}
	resource, attribute, found := strings.Cut(n.Value, ".")
	if !found {
		return nil, fmt.Errorf("%q names no attribute", n.Value)
	}
	return r.attribute(resource, attribute)
}

// placeholder is ${Name}, ${Resource.Attribute} or ${!Literal}.
var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

// callSub takes a text, or a list of a text and names with values that only count in it.
func (r *resolver) callSub(n *yaml.Node) (any, error) {
	text, own := n, map[string]string{}
	if n.Kind == yaml.SequenceNode {
		if len(n.Content) != 2 {
			return nil, fmt.Errorf("it has %d arguments, want 2", len(n.Content))
		}
		text = n.Content[0]
		for name, child := range members(n.Content[1]) {
			value, err := r.text(child)
			if err != nil {
				return nil, err
			}
			own[name] = value
		}
	}
	var failed error
	done := placeholder.ReplaceAllStringFunc(text.Value, func(found string) string {
		value, err := r.substitute(strings.TrimSpace(found[2:len(found)-1]), own)
		failed = errors.Join(failed, err)
		return value
	})
	return done, failed
}

func (r *resolver) substitute(name string, own map[string]string) (string, error) {
	if literal, is := strings.CutPrefix(name, "!"); is {
		return "${" + literal + "}", nil
	}
	if value, is := own[name]; is {
		return value, nil
	}
	var value any
	var err error
	if resource, attribute, found := strings.Cut(name, "."); found {
		value, err = r.attribute(resource, attribute)
	} else {
		value, err = r.ref(name)
	}
	if err != nil {
		return "", err
	}
	return textOf(value)
}

func (r *resolver) callIf(n *yaml.Node) (any, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) != 3 {
		return nil, errors.New("it wants a condition and two values")
	}
	holds, err := r.named(n.Content[0].Value)
	if err != nil {
		return nil, err
	}
	if holds {
		return r.value(n.Content[1])
	}
	return r.value(n.Content[2])
}

func (r *resolver) callJoin(n *yaml.Node) (any, error) {
	separator, parts, err := r.textAndList(n)
	if err != nil {
		return nil, err
	}
	return join(separator, parts), nil
}

func (r *resolver) callSplit(n *yaml.Node) (any, error) {
	parts, err := r.texts(n, 2)
	if err != nil {
		return nil, err
	}
	return split(parts[0], parts[1]), nil
}

func (r *resolver) callSelect(n *yaml.Node) (any, error) {
	text, parts, err := r.textAndList(n)
	if err != nil {
		return nil, err
	}
	index, err := strconv.Atoi(text)
	if err != nil || index < 0 || index >= len(parts) {
		return nil, fmt.Errorf("there is no element %s in a list of %d", text, len(parts))
	}
	return parts[index], nil
}

func (r *resolver) callFindInMap(n *yaml.Node) (any, error) {
	parts, err := r.texts(n, 3)
	if err != nil {
		return nil, err
	}
	found := member(member(member(r.document["Mappings"], parts[0]), parts[1]), parts[2])
	if found == nil {
		return nil, fmt.Errorf("there is no %s", strings.Join(parts, "."))
	}
	return r.value(found)
}

// textAndList resolves a list of a text and a list.
func (r *resolver) textAndList(n *yaml.Node) (string, []any, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) != 2 {
		return "", nil, errors.New("it wants a text and a list")
	}
	text, err := r.text(n.Content[0])
	if err != nil {
		return "", nil, err
	}
	value, err := r.value(n.Content[1])
	if err != nil {
		return "", nil, err
	}
	parts, is := value.([]any)
	if !is {
		return "", nil, fmt.Errorf("%v is no list", value)
	}
	return text, parts, nil
}

// texts resolves a list of so many texts.
func (r *resolver) texts(n *yaml.Node, count int) ([]string, error) {
	if n.Kind != yaml.SequenceNode || len(n.Content) != count {
		return nil, fmt.Errorf("it wants %d arguments", count)
	}
	var texts []string
	for _, child := range n.Content {
		text, err := r.text(child)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// text resolves what must be a text.
func (r *resolver) text(n *yaml.Node) (string, error) {
	value, err := r.value(n)
	if err != nil {
		return "", err
	}
	return textOf(value)
}

// textOf is a value as CloudFormation writes it into a text.
func textOf(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case int, float64, bool:
		return fmt.Sprint(v), nil
	}
	return "", fmt.Errorf("%v is no text", value)
}

func join(separator string, parts []any) string {
	texts := make([]string, len(parts))
	for i, part := range parts {
		texts[i] = fmt.Sprint(part)
	}
	return strings.Join(texts, separator)
}

func split(separator, text string) []any {
	parts := []any{}
	for part := range strings.SplitSeq(text, separator) {
		parts = append(parts, part)
	}
	return parts
}
