package demo

import (
	"testing"

	inputs "hermod/shared/input"
)

func TestTheFailuresAreOfEveryClassAndOfTheList(t *testing.T) {
	seen := map[inputs.Retryable]bool{}
	for _, f := range failures {
		seen[inputs.Class(f.Label, f.Scope)] = true
		if inputs.Class(f.Label, "input") != inputs.Class(f.Label, "server") {
			t.Errorf("the class of %s follows from its scope: it is no label of the list", f.Label)
		}
	}
	if len(seen) != 3 {
		t.Errorf("the classes are %v, want all three", seen)
	}
}

func TestAFewOfTheInputsFailOnceAndHaveResultsThen(t *testing.T) {
	failed := 0
	for i := range 40 {
		first, again := outcome(input{Index: i}), outcome(input{Index: i, Retries: 1})
		if first.Status == "failed" {
			failed++
		} else if len(first.Results) == 0 {
			t.Errorf("input %d succeeds without results", i)
		}
		if again.Status != "succeeded" || len(again.Results) == 0 {
			t.Errorf("input %d, sent back, is %s with %d results; want succeeded with some", i, again.Status, len(again.Results))
		}
	}
	if failed != len(failures) {
		t.Errorf("%d of 40 inputs fail, want %d, one for each label", failed, len(failures))
	}
}

func TestNoTwoCompaniesOfTheImportAreTheSame(t *testing.T) {
	seen := map[string]bool{}
	for i := range 40 {
		seen[companyAt(i).Domain] = true
	}
	if len(seen) != 40 {
		t.Errorf("40 inputs are of %d companies, want 40", len(seen))
	}
}
