def values: select(. != null);
def nulls: select(. == null);
def booleans: select(type == "boolean");
def numbers: select(type == "number");
def strings: select(type == "string");
def arrays: select(type == "array");
def objects: select(type == "object");
def iterables: select(type == "array" or type == "object");
def scalars: select(type != "array" and type != "object");
def finites: select((isinfinite or isnan) | not);
def normals: select(isnormal);
def isfinite: type == "number" and (isinfinite | not);
def isvalid(f): try (f | true) catch false;

def toarray: if type == "array" then . else [.] end;
def in(xs): . as $k | xs | has($k);
def add(f): [f] | add;
def first: .[0];
def last: .[-1];
def nth($n): .[$n];
def nth($n; f): first(skip($n; f));
def map_values(f): .[] |= f;
def with_entries(f): to_entries | map(f) | from_entries;
def walk(f): def inner: if type == "array" then map(inner) elif type == "object" then map_values(inner) else . end | f; inner;

def sort_by(f): _sort_by(map([f]));
def group_by(f): _group_by(map([f]));
def unique_by(f): _unique_by(map([f]));
def min_by(f): _min_by(map([f]));
def max_by(f): _max_by(map([f]));

def paths: path(..) | select(length > 0);
def paths(f): path(.. | select(f)) | select(length > 0);
def leaf_paths: paths(type != "array" and type != "object");
def pick(f): . as $all | reduce path(f) as $p (null; setpath($p; $all | getpath($p)));
def tostream: path(def inner: (.[]? | inner), .; inner) as $p | getpath($p) | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
def fromstream(f):
  foreach f as $e ({done: false, value: null};
    if .done then {done: false, value: null} else . end
    | if ($e | length) == 2
      then .value = (.value | setpath($e[0]; $e[1])) | .done = ($e[0] | length == 0)
      else .done = ($e[0] | length == 1) end;
    if .done then .value else empty end);
def truncate_stream(f): . as $n | null | f | select(.[0] | length > $n) | .[0] |= .[$n:];

def combinations: if length == 0 then [] else .[0][] as $x | [$x] + (.[1:] | combinations) end;
def combinations(n): . as $xs | [range(n) | $xs] | combinations;
def IN(f): any(f == .; .);
def IN(source; f): any(source == f; .);
def INDEX(source; f): reduce source as $row ({}; .[$row | f | tostring] = $row);
def INDEX(f): INDEX(.[]; f);

def _named: reduce (.captures[] | select(.name != null)) as $c ({}; .[$c.name] = $c.string);
def capture($re; $flags): match($re; $flags) | _named;
def capture($re): capture($re; null);
def scan($re; $flags): match($re; $flags + "g") | if .captures == [] then .string else [.captures[].string] end;
def scan($re): scan($re; null);
def split($re; $flags): . as $s | reduce (match($re; $flags + "g"), null) as $m
  ({at: 0, parts: []}; if $m == null then .parts += [$s[.at:]] else .parts += [$s[.at:$m.offset]] | .at = $m.offset + $m.length end) | .parts;
def splits($re; $flags): split($re; $flags)[];
def splits($re): splits($re; null);
def sub($re; f; $flags): . as $s
  | reduce match($re; $flags) as $m ({at: 0, text: ""}; .text += $s[.at:$m.offset] + ($m | _named | f) | .at = $m.offset + $m.length)
  | .text + $s[.at:];
def sub($re; f): sub($re; f; null);
def gsub($re; f; $flags): sub($re; f; $flags + "g");
def gsub($re; f): sub($re; f; "g");
def ascii: [.] | implode;

def todate: strftime("%Y-%m-%dT%H:%M:%SZ");
def todateiso8601: todate;
def fromdate: strptime("%Y-%m-%dT%H:%M:%S%z") | mktime;
def fromdateiso8601: fromdate;
def date: todate;
.
