// Package config reads what the operator decided: the environment first, then one strict
// YAML file that has the same words in lower case.
//
// Load is pure but for the files that the environment names: it takes the environment as a
// value, changes nothing and starts nothing. It never stops at the first fault. Whatever is
// wrong is collected in Problems, each naming the variable (or the line of the file) and the
// remedy; the value of a secret appears in none of them.
//
// A setting is a field with tags, as package setting reads them: those of the process stand
// here, those of others are endpoint.Settings and receiver.Source. The tables of the README and of
// `hookspan config docs` are made from these tags, and so is the list of known variables: any
// other variable under HOOKSPAN_ is a fault that suggests the nearest one. What settings say
// together is checked in check*.go.
//
// Both ways of writing a setting meet in one place before anything is decoded: the file is
// flattened into variables (file.go), variables of the environment replace them
// (environment.go), and caarlos0/env decodes the result (decode.go). So a setting means the
// same wherever it was written. A *Config is not changed after Load returned it.
package config
