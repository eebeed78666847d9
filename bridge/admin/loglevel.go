package admin

import (
	"encoding/json"
	"net/http"

	"github.com/hookspan/hookspan/bridge/logline"
	"github.com/hookspan/hookspan/bridge/problem"
)

// logLevelView is how much this process logs. Others are asked for themselves.
type logLevelView struct {
	Level      string `json:"level"`
	Configured string `json:"configured"` // what holds again after a start
}

func (a *api) getLogLevel(w http.ResponseWriter, r *http.Request) error {
	if err := readQuery(r).err(); err != nil {
		return err
	}
	return a.logLevel(w)
}

// setLogLevel holds until the process ends.
func (a *api) setLogLevel(w http.ResponseWriter, r *http.Request) error {
	body, err := readObject(w, r, false)
	if err != nil {
		return err
	}
	q := readQuery(r)
	for name := range body {
		if name != "level" {
			q.fault(name, "is not known; known is level")
		}
	}
	var word string
	_ = json.Unmarshal(body["level"], &word) // what is no text is no level
	level, known := logline.Parse(word)
	if !known {
		q.fault("level", "must be "+logline.Words)
	}
	if err := q.err(); err != nil {
		return err
	}
	if a.LogLevel != nil {
		a.LogLevel.Set(level, r.Method+" "+r.URL.Path, a.Log)
	}
	return a.logLevel(w)
}

func (a *api) logLevel(w http.ResponseWriter) error {
	if a.LogLevel == nil {
		return problem.New(problem.Unavailable).With("the level of this process's log is fixed")
	}
	return write(w, http.StatusOK, logLevelView{logline.Word(a.LogLevel.Level()), logline.Word(a.LogLevel.Configured())})
}
