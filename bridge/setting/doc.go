// Package setting is what a setting is: a struct field with tags. The field's type says how a
// value is read from text, from JSON and from a list of the file, how it is shown, and what can be
// wrong with it; its tags say what it is called, its default and what it means. Environment, file,
// API, command line, schemas and documents are made from that, so a setting is declared once.
//
// The declarations stand where their meaning is: endpoint.Settings, receiver.Source, and those of
// the process in config. The tags:
//
//   - env: the variable behind its prefix. In lower case it is the word in the file and the API.
//   - envDefault: the default as text; or default: in words, where it depends on something.
//   - doc: the meaning, a full sentence. {list} in it stands for what is listed elsewhere: see
//     Fields.Naming. example: a value as text, where the default shows little.
//   - words: the closed set of values, between spaces.
//   - min, over, max: limits of a number, a duration, a size, or of each in a list; over is left
//     out itself. most: how many a list may have.
//   - format: of JSON Schema.
//   - api: "once" cannot be changed after the registration, "hidden" is never shown.
//   - file: "secret" is the path of a file that holds one.
//   - record: how the endpoint registry keeps it; see there.
//
// A type of setting beside Go's own implements Value; one that is more than texts, lists and pairs
// is of KindObject, JSON in a variable and a map or list in the file. Begin with Field.
package setting
