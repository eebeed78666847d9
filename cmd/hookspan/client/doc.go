// Package client has the commands that ask a running server, through its admin API. A token
// goes to the server that is found in the same place as the token, and nowhere else.
package client
