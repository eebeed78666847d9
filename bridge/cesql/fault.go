package cesql

import "strconv"

// ErrorKind is the specification's closed set (3.3).
type ErrorKind string

// The kinds of errors.
const (
	ParseError              ErrorKind = "parse"
	MathError               ErrorKind = "math"
	CastError               ErrorKind = "cast"
	MissingAttributeError   ErrorKind = "missingAttribute"
	MissingFunctionError    ErrorKind = "missingFunction"
	FunctionEvaluationError ErrorKind = "functionEvaluation"
	GenericError            ErrorKind = "generic"
)

// An Error says what is wrong with an expression, or with its evaluation, and where. It repeats no
// text literal and no value of the event.
type Error struct {
	Kind    ErrorKind
	At      int // the character of the expression, from 1 on
	Message string
}

func (e *Error) Error() string { return "at " + strconv.Itoa(e.At) + ": " + e.Message }
