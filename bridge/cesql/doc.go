// Package cesql is the CloudEvents Expression Language, CESQL 1.0.0: predicates over the attributes
// of an event. It knows no event; whoever evaluates gives Attributes.
//
// Expressions come from users of the API, who may mean harm. So an expression is at most MaxLength
// bytes long and MaxDepth deep, no text makes Parse panic, and an evaluation has a Budget: it ends
// after so many steps, has made no more text than that, and the same steps are counted everywhere.
// An evaluation changes nothing and depends on the attributes alone. Expressions may be used by
// any number of goroutines.
//
// What the specification leaves open: AND, OR and XOR have one precedence and group from the right,
// as its grammar has it (a AND b OR c is a AND (b OR c)). Characters are Unicode's. A result that is
// no 32-bit integer is a math error. A quote that is doubled in a text stands for one.
//
// testdata/tck has the conformance cases; all of them pass. Begin with Parse, then Evaluate.
package cesql
