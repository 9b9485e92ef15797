package awssqs_test

import (
	"testing"
	"time"

	"hermod/infra/engines"
	"hermod/infra/engines/enginetest"
	"hermod/shared/awssqs/awssqstest"
	"hermod/shared/delivery"
	"hermod/shared/storetest"
)

// TestQueue leaves out what ElasticMQ cannot show, and says so each time: what needs a clock that can be set (visibility of 180 s,
// delays of 15 minutes, hiding for hours, retention), and the way back of letters from two lanes, which it moves all to one. It
// cannot show either that a receive from SQS may come back empty while there are messages: the suite allows for that.
func TestQueue(t *testing.T) {
	storetest.Queue(t, func(t *testing.T, _ func() time.Time) delivery.Queue {
		return awssqstest.Open(t, enginetest.SQS(t), engines.Transport())
	}, storetest.QueueOptions{RealTime: true, OneWayBack: true})
}
