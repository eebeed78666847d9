package cesql

// op is what a node does.
type op uint8

const (
	opLiteral op = iota
	opAttribute
	opExists
	opNot
	opNegate
	opAnd
	opOr
	opXor
	opEqual
	opDiffer
	opLess
	opAtMost
	opMore
	opAtLeast
	opTimes
	opDivide
	opRemainder
	opPlus
	opMinus
	opLike
	opIn
	opCall
)

// A node is one operation of an expression.
type node struct {
	op      op
	at      int
	kind    Kind // of what it yields; 0: of the attribute that it reads
	value   Value
	name    string // of an attribute or a function
	args    []*node
	pattern pattern
	call    function
	known   bool // there is such a function with so many arguments
}

// binary are the operators between two operands, by how they are written.
var binary = map[string]struct {
	op    op
	level int
	kind  Kind
}{
	"AND": {opAnd, levelLogic, Boolean}, "OR": {opOr, levelLogic, Boolean}, "XOR": {opXor, levelLogic, Boolean},
	"=": {opEqual, levelCompare, Boolean}, "!=": {opDiffer, levelCompare, Boolean}, "<>": {opDiffer, levelCompare, Boolean},
	"<": {opLess, levelCompare, Boolean}, "<=": {opAtMost, levelCompare, Boolean},
	">": {opMore, levelCompare, Boolean}, ">=": {opAtLeast, levelCompare, Boolean},
	"+": {opPlus, levelSum, Integer}, "-": {opMinus, levelSum, Integer},
	"*": {opTimes, levelProduct, Integer}, "/": {opDivide, levelProduct, Integer}, "%": {opRemainder, levelProduct, Integer},
}

// Levels of precedence, the weakest first.
const (
	levelLogic = iota + 1
	levelCompare
	levelSum
	levelProduct
	levelIn
	levelLike
)
