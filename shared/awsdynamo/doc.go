// Package awsdynamo keeps everything Hermod knows in one DynamoDB table with two sparse indexes. It is the AWS side of the seams that
// package sqlite implements for one machine.
//
// # The table
//
//	entity                                    pk                      sk
//	project, with counts and hooks version    P#<project>             #
//	listing of an API key                     P#<project>             K#<key uid>
//	data key, wrapped                         P#<project>             DK#0
//	workflow                                  P#<project>             F#<workflow uid>
//	redrive                                   P#<project>             R#<redrive uid>
//	listing of a webhook                      P#<project>             H#<webhook uid>
//	match of a project's or workflow's webhook  P#<project>           M#<webhook uid>
//	counters of a project's hour              P#<project>             S#<hour>
//	webhook, or the tombstone of one          W#<webhook>             #
//	counters of a webhook's hour              W#<webhook>             S#<hour>
//	health of a webhook                       W#<webhook>             RT
//	match of a job's webhook; their number    J#<job>                 M#<webhook uid>; M
//	job, with its last changes                J#<job>                 #
//	job's configuration                       J#<job>                 CFG
//	page of what inputs consist of            J#<job>#D               <name>
//	page of what came of inputs               J#<job>#R               <name>
//	how 500 inputs stand                      J#<job>#I               C#<number>
//	entry in a workflow's list of jobs        F#<workflow>#<month>    <job uid>
//	archived event                            P#<project>#E#<day>#<shard>  <event uid>
//	delivery                                  W#<webhook>#<day>#<shard>    <event uid>
//	what a failed attempt got back            W#<webhook>#<day>#<shard>#A  <event uid>#<number>
//	page of a redrive                         R#<redrive>             <page>
//	API key                                   K#<SHA-256>             #
//	requests leased of an API key             L#<key uid>             <minute>
//	reply to an Idempotency-Key               I#<SHA-256 of its name> #
//	sweep cursor                              SYS                     SWEEP
//
// A day is that of the event, read from its uid, so that a delivery's row is found by its uid alone; a month is that of the job, read
// from its uid. Shards keep one busy webhook or project off one partition.
//
//	index  partition                      sort                      holds
//	due    D#<shard>                      <time>#<delivery uid>     each row that waits
//	due    Z#<project>                    <job uid>                 each job that is paused
//	list   P#<project>#<state>#<shard>    <delivery uid>            each row that has not succeeded
//	list   P#<project>#kept#<shard>       <event uid>               each event that is kept for longer than others of its day
//	list   P#<project>#job#<shard>        <job uid>                 each job
//
// # Rules
//
// One entity is one item, and what is conditional is one conditional write of it. A transaction is only what changes several at once: a
// webhook with its match, its listing and the counts of its project and job; a workflow with its project's count; an API key with its
// listing and its project's count. Its items become visible one by one, so whoever reads two of them must allow for that, as the hooks
// version does.
//
// Reads of items are strongly consistent. An item that expired is not found, whether DynamoDB has removed it yet or not. Items carry a
// format number f; a change keeps attributes that this release does not know. What is nested within an attribute never grows: what a
// later release adds gets an attribute of its own.
//
// Rows, events and redrives are decided on as they are and written whole, on condition that they are still so: each write of one
// counts rev. The first outcome of a delivery and a new event are written without a look; a refused write brings what is there.
//
// What belongs to a job (configuration, inputs, entry in its workflow's list) lives for one to two retentions longer than it must: its
// end is moved only once in a retention, by a change of the job that it would not outlive. Who lists jobs reads them: an entry may be
// of one that is gone, or was never made.
//
// A write whose outcome is unknown (time-out, lost answer) is repeated; if the repeat then fails its condition, the first may have
// been ours, and the error is the unknown outcome, never a sentinel.
package awsdynamo
