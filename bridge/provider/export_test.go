package provider

// NamedLine is a provider's line of named.tsv.
func NamedLine(p *Provider) string { return p.named.line(p.Name) }
