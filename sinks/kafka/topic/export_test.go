package topic

// Finds reports whether a pattern finds a topic.
func Finds(text, topic string) (bool, error) {
	list, err := ReadPatterns([]string{text})
	if err != nil {
		return false, err
	}
	return list[0].Name == topic || list[0].Find != nil && list[0].Find.MatchString(topic), nil
}
