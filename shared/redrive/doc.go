// Package redrive reopens deliveries with a fresh schedule, many at a time: those that are dead, those that were cancelled, and
// those that are missing, that is, matched in the archive but without a row.
//
// A redrive is a Task. It goes on by one message in the lane ops, which carries the task's version: each message sends one page
// of deliveries to the lane retry, writes how far the task is, and sends the next message. A crash between any two repeats a page,
// whose copies are stale when they arrive. Only dispatch reopens a row; when no row that the task sent is still as it was, or
// after an hour, the task deletes the letters whose rows have left the letter's cycle, and is completed.
//
// Test events are left alone: they are sent once.
package redrive
