// Package dispatch makes the attempts: it takes a message from the lane first or retry, POSTs the event to the webhook, writes
// the outcome, sends what comes next, and says what becomes of the message.
//
// Its rules were checked as a state machine over every interleaving of two dispatchers, a queue that delivers at least once,
// crashes, sweeps and redrives; decide and the writes of outcome follow that machine one to one, and testdata of storetest holds
// its transitions.
//
//   - Order: outcome row, next message, acknowledgement. A crash between any two repeats a step and never loses one.
//   - A step of the schedule is attempted only if the row waits at the message's cycle and step, or there is no row and both are
//     0. Anything else is stale and acknowledged. The row is read first, except for a first attempt received for the first time
//     that cannot be a copy: steady traffic pays no read.
//   - A failure and a cancellation are written on that same condition. A success is written over everything but succeeded. A
//     write that loses its condition is decided again from the row.
//   - A message received again, one place behind a row that waits for a short time, crashed before its send: it sends the row's
//     message, without a request.
//   - Attempts outside the schedule (manual, test) are made whatever the row's state and never move it, but to succeeded.
//   - A dead delivery's message is refused until the queue itself moves it to the letters, for only such letters can be moved
//     back by the queue's own redrive. In the lane first nothing is refused: the letter is buried by way of retry.
//   - A message that was redriven reopens its dead row and is exchanged for a fresh one. It makes no request itself. (After three such exchanges of a step it is taken all the same: then the clocks of
//     senders and queue are more than a minute apart, and every message looks redriven.)
package dispatch
