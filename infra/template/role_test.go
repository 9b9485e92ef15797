package template

import (
	"os"
	"strings"
	"testing"
)

func TestRolesAllowAsIAMDoes(t *testing.T) {
	role := &Role{Statements: []Statement{
		{Effect: "Allow", Actions: []string{"dynamodb:GetItem", "dynamodb:Put*"}, Resources: []string{"arn:aws:dynamodb:*:*:table/orders"}},
		{Effect: "Allow", Actions: []string{"dynamodb:Query"}, Resources: []string{"arn:aws:dynamodb:us-east-1:1:table/orders/index/*"}},
		{Effect: "Allow", Actions: []string{"sqs:*"}, Resources: []string{"arn:aws:sqs:us-east-1:1:work-?"}},
		{Effect: "Deny", Actions: []string{"sqs:DeleteQueue"}, Resources: []string{"*"}},
		{Effect: "Allow", Actions: []string{"dynamodb:ListStreams"}, Resources: []string{"*"}},
		{Effect: "Allow", Actions: []string{"*"}, Resources: []string{"arn:aws:kms:us-east-1:1:key/k"}},
	}}
	for _, tt := range []struct {
		name, action, resource string
		statement              int
		ok                     bool
	}{
		{"an action that is named", "dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:1:table/orders", 0, true},
		{"an action in other capitals", "DynamoDB:getitem", "arn:aws:dynamodb:us-east-1:1:table/orders", 0, true},
		{"an action of a pattern", "dynamodb:PutItem", "arn:aws:dynamodb:us-east-1:1:table/orders", 0, true},
		{"another action", "dynamodb:DeleteItem", "arn:aws:dynamodb:us-east-1:1:table/orders", 0, false},
		{"another table", "dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:1:table/others", 0, false},
		{"a table in other capitals", "dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:1:table/Orders", 0, false},
		{"an index is no table", "dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:1:table/orders/index/due", 0, false},
		{"an index", "dynamodb:Query", "arn:aws:dynamodb:us-east-1:1:table/orders/index/due", 1, true},
		{"a table is no index", "dynamodb:Query", "arn:aws:dynamodb:us-east-1:1:table/orders", 0, false},
		{"any action of a service", "sqs:SendMessage", "arn:aws:sqs:us-east-1:1:work-1", 2, true},
		{"one character", "sqs:SendMessage", "arn:aws:sqs:us-east-1:1:work-12", 0, false},
		{"what is allowed and denied", "sqs:DeleteQueue", "arn:aws:sqs:us-east-1:1:work-1", 3, false},
		{"an action without a resource", "dynamodb:ListStreams", "*", 4, true},
		{"an ARN is not all", "dynamodb:GetItem", "*", 0, false},
		{"any action", "kms:Decrypt", "arn:aws:kms:us-east-1:1:key/k", 5, true},
	} {
		if statement, ok := role.Allows(tt.action, tt.resource); ok != tt.ok || statement != tt.statement {
			t.Errorf("%s: Allows(%s, %s) = %d, %v, want %d, %v", tt.name, tt.action, tt.resource, statement, ok, tt.statement, tt.ok)
		}
	}
}

func TestPatternsMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "a:b/c", true}, {"**", "a", true}, {"?", "", false}, {"?", "a", true}, {"?", "ab", false},
		{"a*", "a", true}, {"a*c", "abbc", true}, {"a*c", "abcb", false}, {"*a*", "bab", true}, {"a*b*c", "abbcbc", true}, {"a?c*", "abc", true}, {"abc", "ab", false},
		{"*.b", "a.b.b", true}, {"a", "A", false},
	} {
		if got := Matches(tt.pattern, tt.text); got != tt.want {
			t.Errorf("Matches(%q, %q) = %v, want %v", tt.pattern, tt.text, got, tt.want)
		}
	}
}

// FuzzMatches checks that what a text is made of matches it, with stars for parts of it.
func FuzzMatches(f *testing.F) {
	f.Add("arn:aws:sqs:us-east-1:1:work", 3, 9)
	f.Fuzz(func(t *testing.T, text string, from, to int) {
		if from < 0 || to < from || to > len(text) || strings.ContainsAny(text, "*?") {
			return
		}
		for _, pattern := range []string{text, text[:from] + "*" + text[to:], "*" + text, text + "*", strings.Repeat("?", len(text))} {
			if !Matches(pattern, text) {
				t.Errorf("Matches(%q, %q) = false, want true", pattern, text)
			}
		}
		if Matches(text+"?", text) {
			t.Errorf("Matches(%q, %q) = true, want false", text+"?", text)
		}
	})
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
