// Package archtest holds the tree to its shape: which package may import which, where an outside library may appear, that every
// package says what it is for, and which names stand at the top. It consists of tests and reads the source itself, so it needs
// nothing installed.
//
// The rules are the tables layers and only in archtest_test.go. They are about what programs are made of; test files may import
// what they need. A new package is first given a layer there.
package archtest
