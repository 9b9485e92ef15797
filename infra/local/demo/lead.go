package demo

import (
	"fmt"
	"strings"
)

// The demo's list of leads is made up, and everything in it follows from an index: companies to look for people at, what was found, and
// what went wrong.
var (
	firstWords  = []string{"Alder", "Birch", "Cedar", "Harbour", "Juniper", "Maple", "North", "Willow"}
	secondWords = []string{"Foods", "Freight", "Labs", "Energy", "Textiles"}
	firstNames  = []string{"Amina", "Bruno", "Chloé", "Dmitri", "Elif", "Farah", "Goran", "Hana", "Ines", "Jonas", "Kofi"}
	lastNames   = []string{"Abara", "Bianchi", "Costa", "Dupont", "Eriksen", "Fischer", "Gupta", "Haddad", "Ito", "Jansen", "Kowalski", "Lopes", "Moreau"}
	titles      = []string{"Head of Sales", "Operations Manager", "Chief Financial Officer", "Buyer", "Marketing Lead", "Founder"}
	cities      = []string{"Lyon", "Porto", "Graz", "Ghent", "Oslo", "Turin", "Gdańsk"}
)

// company is an input of the demo's import.
type company struct {
	Company string `json:"company"`
	Domain  string `json:"domain"`
}

func companyAt(i int) company {
	name := firstWords[i%len(firstWords)] + " " + secondWords[i/len(firstWords)%len(secondWords)]
	return company{Company: name, Domain: strings.ToLower(strings.ReplaceAll(name, " ", "-")) + ".example"}
}

// lead is a row of results.
type lead struct {
	FullName string `json:"full_name"`
	Title    string `json:"title"`
	Email    string `json:"email"`
	City     string `json:"city"`
	company
}

// leadsAt returns what was found at a company: one person, at some two.
func leadsAt(i int) []lead {
	found := []lead{leadAt(i, i)}
	if i%3 == 0 {
		found = append(found, leadAt(i, i+5))
	}
	return found
}

func leadAt(i, person int) lead {
	first, last, at := firstNames[person%len(firstNames)], lastNames[person%len(lastNames)], companyAt(i)
	return lead{
		FullName: first + " " + last, Title: titles[person%len(titles)], City: cities[person%len(cities)], company: at,
		Email: fmt.Sprintf("%s@%s", strings.ToLower(last), at.Domain),
	}
}

// failure is why an input failed.
type failure struct {
	Label   string `json:"label"`
	Scope   string `json:"scope"`
	Message string `json:"message"`
}

// failures are of every class: some may be retried, one after its session was refreshed, and some would fail again.
var failures = []failure{
	{"STATUS_404", "input", "the company has no page of this address"},
	{"API_TIMEOUT_ERROR", "server", "no answer within 30 s"},
	{"LK_BAD_COOKIE", "auth", "the session has ended; sign in again"},
	{"NO_RESULT", "input", "nobody at this company fits the search"},
	{"LIMIT_REACHED", "server", "no more than 100 searches an hour"},
}

// failureAt returns why the first try of an input fails; nil: it succeeds.
func failureAt(i int) *failure {
	if i%8 != 5 {
		return nil
	}
	return &failures[i/8%len(failures)]
}
