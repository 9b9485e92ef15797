package meter

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"text/tabwriter"
)

// line is a line of a report.
type line struct {
	what  string
	count float64
	price float64 // USD for one
}

// lines are what is billed, in the order of the delivery's path.
func (t Total) lines() []line {
	working := t.sumOf(func(u Use) bool { return u.Service == SQS && u.Caller.Kind == Working })
	polling := t.polling()
	invocations, mbms := 0, int64(0)
	for _, f := range t.Functions {
		invocations += f.Count
		mbms += f.MBms
	}
	return []line{
		{"HTTP API requests", float64(t.APIUnits), prices.apiRequest},
		{"Lambda invocations", float64(invocations), prices.invocation},
		{"Lambda GB-seconds", float64(mbms) / 1024 / 1000, prices.gigabyteSec},
		{"DynamoDB write units", t.WRU(), prices.writeUnit},
		{"DynamoDB read units", t.RRU(), prices.readUnit},
		{"SQS requests of functions", float64(working.Billed), prices.sqsRequest},
		{"SQS requests of mappings", float64(polling.Billed - polling.Empty), prices.sqsRequest},
		{"SQS sends with a group", float64(working.Fair + polling.Fair), prices.sqsFair},
		{"KMS requests", float64(t.Requests(KMS)), prices.kmsRequest},
		{"log bytes", float64(t.LogBytes), prices.logByte},
	}
}

// USD is the list price of all that was counted, but for receives of mappings that found nothing: how many there are depends on
// time, not on work.
func (t Total) USD() float64 {
	sum := 0.0
	for _, l := range t.lines() {
		sum += l.count * l.price
	}
	return sum
}

// Report is a table of what was counted and its price, as it was and for a million deliveries, if so many deliveries were made
// with it.
func (t Total) Report(deliveries int) string {
	million := func(n float64, decimals int) string {
		if deliveries == 0 {
			return "-"
		}
		return strconv.FormatFloat(n*1e6/float64(deliveries), 'f', decimals, 64)
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tcount\tper million deliveries\tUSD per million\t")
	for _, l := range t.lines() {
		fmt.Fprintf(w, "%s\t%.10g\t%s\t%s\t\n", l.what, math.Ceil(l.count*1000)/1000, million(l.count, 0), million(l.count*l.price, 3))
	}
	fmt.Fprintf(w, "sum\t\t\t%s\t\n", million(t.USD(), 3))
	w.Flush()
	fmt.Fprintf(&text, "%d deliveries; list prices of us-east-1, from infra/README.md. Not in the sum: %d receives of mappings that found nothing.\n",
		deliveries, t.polling().Empty)
	return text.String()
}

func (t Total) polling() Amount {
	return t.sumOf(func(u Use) bool { return u.Service == SQS && u.Caller.Kind == Polling })
}
