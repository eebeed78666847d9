package main

const (
	dispatch = "bridge/dispatch/"
	chain    = "bridge/bus/chain.go"
)

// mutants lists the rules by their words in the protocol.
func mutants() []mutant {
	m := suite(1, 200)
	return []mutant{
		{"a record that does not follow the last valid one does not exist", chain,
			"case r.Prev != c.last.Pos || r.PrevID != c.last.ID:", "case false:", m},
		{"a reader that finds the front trimmed past its place begins at the front", chain,
			"if r.Pos != c.last.Pos || r.ID != c.last.ID {\n\t\t\t\treturn ErrTrimmed", "if false {\n\t\t\t\treturn ErrTrimmed",
			[]string{"./bridge/bus/...", "./bridge/endpoint"}},
		{"a refusal alone proves nothing: the log's tail tells", chain,
			"case next != nil && next.ID == r.ID:", "case err == nil && next != nil && next.ID == r.ID:", []string{"./bridge/bus"}},
		{"a delta's positions pass only what is finished or has an entry", dispatch + "delivery.go",
			"return d.status == final || d.saved || d.putting",
			"return d.status != queued", m},
		{"an A never passes an event that is neither finished nor has an entry", dispatch + "delta.go",
			"if c.out.len() > 0 {\n\t\t\tat = c.out.front().before\n\t\t}", "", m},
		{"the journal is read from where the oldest running attempt began", dispatch + "delta.go",
			"for d := range l.running {\n\t\t\thold(d)\n\t\t}", "", suite(7, 800)},
		{"and from where the oldest finished one that would be fed again began", dispatch + "delta.go",
			"if l.fed(d, positions, s.read) {\n\t\t\t\thold(d)", "if l.fed(d, positions, s.read) {", m},
		{"what a load found done counts from the loaded place", dispatch + "load.go",
			"lane:  l, mark: was.journal, heapIndex: -1,\n\t\t}\n\t\tif !l.fed", "lane:  l, mark: was.end, heapIndex: -1,\n\t\t}\n\t\tif !l.fed", m},
		{"deltas since begin count once more behind an end", dispatch + "reading.go",
			"for i := range rd.since {\n\t\ts.apply(&rd.since[i])\n\t}", "", m},
		{"a final record ends an entry only of its own or an earlier attempt", dispatch + "load.go",
			"case pending && a.Number < e.Number:", "case false:", m},
		{"a failed record without an entry counts only for what would be fed again", dispatch + "load.go",
			"if !l.fed(d, was.positions, s.read) {\n\t\t\treturn nil\n\t\t}", "", m},
		{"a failed attempt known from the journal alone is put in the first delta", dispatch + "load.go",
			"d.lane.keep(d)\n\t\t\td.lane.waiting.wait(d)", "d.saved = true\n\t\t\td.lane.waiting.wait(d)", m},
		{"no delivery is handed over twice, whichever feed meets it", dispatch + "shard.go",
			"if d := s.known[id]; d != nil {\n\t\tout.push(handed{d, before})\n\t\treturn\n\t}", "", m},
		{"a range begins behind what had begun", dispatch + "leave.go",
			"c.c = later(all[i].before, &c.a)", "c.c = all[i].Event.Position", m},
		{"an endpoint joins only where the live feed has read", dispatch + "catchup.go",
			"l.full() || !ok || !c.c.Reaches(read)", "l.full() || !ok || false && !c.c.Reaches(read)", m},
		{"a joined endpoint is live only behind the place where it joined", dispatch + "catchup.go",
			"c.b, pl.since, pl.behind = &at, &at, false", "c.b, pl.behind = &at, false", m},
		{"a list taken up late gets a range from its from", dispatch + "takeup.go",
			"l.takeLate(s.revision, cuts)\n\t\t\tif l.blocked()", "if l.blocked()", m},
		{"so do items that are newer than the loaded revision", dispatch + "load.go",
			"l.takeLate(was.revision, was.cuts)\n", "", m},
		{"the list decides by the event's place", "bridge/endpoint/filter.go",
			"if !behind(e.Items[i].From, p, at) {", "if false {", m},
		{"recreated partitions void their positions", dispatch + "positions.go",
			"case at.Identity != f.front.Identity:\n\t\treturn f.front, false", "case at.Identity != f.front.Identity:\n\t\treturn at, true", m},
		{"partitions that were cut back move positions back", dispatch + "positions.go",
			"return m.Position.Mark == at.Mark, nil", "return m.Position.Mark == at.Mark || true, nil", m},
		{"a delta goes out after a sync of what it counts", dispatch + "delta.go",
			"if err := s.d.synced(ctx); err != nil {", "if err := ctx.Err(); false {", m},
		{"finished means that the final record is acknowledged", dispatch + "attempt.go",
			"s.rec.add(outcomes...)", "if v.Outcome != \"\" {\n\t\ts.mu.Lock()\n\t\tfor _, d := range group {\n\t\t\td.status = final\n\t\t}\n\t\ts.mu.Unlock()\n\t}\n\ts.rec.add(outcomes...)", m},
	}
}
