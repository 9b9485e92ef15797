// Package sweep sends the steps that fall due, and those that were lost.
package sweep
