// Package request has the commands that handle single requests of providers by hand: trigger
// makes one, verify judges one that was saved, provider looks up who signs how.
package request
