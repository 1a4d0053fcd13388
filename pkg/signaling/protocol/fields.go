package protocol

import (
	"encoding/json"
	"strconv"
)

// An object is one JSON object of a message; path is where it stands, "" for the message itself.
type object struct {
	path    string
	members map[string]any
}

// A reader takes typed fields out of objects and keeps the first failure, so that a decoder is a list of fields.
type reader struct {
	failure error
}

func (r *reader) fail(o object, key, want string) {
	if r.failure == nil {
		r.failure = BadRequest.Because("\"" + o.path + key + "\" must be " + want + ".")
	}
}

// optional reports whether key is there.
func (o object) optional(key string) bool {
	_, ok := o.members[key]
	return ok
}

// text returns a string that must be there.
func (r *reader) text(o object, key string) string {
	s, ok := o.members[key].(string)
	if !ok {
		r.fail(o, key, "a string")
	}
	return s
}

// filled returns a string that must be there and hold something.
func (r *reader) filled(o object, key string) string {
	s := r.text(o, key)
	if s == "" {
		r.fail(o, key, "a string that is not empty")
	}
	return s
}

// textOr returns a string that may be missing.
func (r *reader) textOr(o object, key string) string {
	if !o.optional(key) {
		return ""
	}
	return r.text(o, key)
}

// oneOf returns a string out of choices.
func (r *reader) oneOf(o object, key string, choices ...string) string {
	s, _ := o.members[key].(string)
	list := ""
	for i, c := range choices {
		if s == c {
			return s
		}
		if i > 0 {
			list += ", "
		}
		list += c
	}
	r.fail(o, key, "one of "+list)
	return ""
}

// flag returns a boolean that must be there.
func (r *reader) flag(o object, key string) bool {
	b, ok := o.members[key].(bool)
	if !ok {
		r.fail(o, key, "true or false")
	}
	return b
}

// flagOr returns a boolean that is false where it is missing.
func (r *reader) flagOr(o object, key string) bool { return o.optional(key) && r.flag(o, key) }

// positive returns an integer from 1 to 2^53-1.
func (r *reader) positive(o object, key string) uint64 {
	n, err := strconv.ParseUint(r.digits(o, key), 10, 64)
	if err != nil || n == 0 || n > maxID {
		r.fail(o, key, "a positive integer")
		return 0
	}
	return n
}

// integer returns an integer from 0 to most.
func (r *reader) integer(o object, key string, most int) int {
	n, err := strconv.Atoi(r.digits(o, key))
	if err != nil || n < 0 || n > most {
		r.fail(o, key, "an integer from 0 to "+strconv.Itoa(most))
		return 0
	}
	return n
}

func (r *reader) digits(o object, key string) string {
	n, _ := o.members[key].(json.Number)
	return string(n)
}

// child returns an object that must be there.
func (r *reader) child(o object, key string) object {
	members, ok := o.members[key].(map[string]any)
	if !ok {
		r.fail(o, key, "an object")
	}
	return object{path: o.path + key + ".", members: members}
}

// children returns an array of objects that must be there.
func (r *reader) children(o object, key string) []object {
	list, ok := o.members[key].([]any)
	if !ok {
		r.fail(o, key, "an array")
	}
	out := make([]object, len(list))
	for i, v := range list {
		at := key + "[" + strconv.Itoa(i) + "]"
		members, ok := v.(map[string]any)
		if !ok {
			r.fail(o, at, "an object")
		}
		out[i] = object{path: o.path + at + ".", members: members}
	}
	return out
}

// texts returns an array of strings that are not empty; it must be there.
func (r *reader) texts(o object, key string) []string {
	list, ok := o.members[key].([]any)
	if !ok {
		r.fail(o, key, "an array")
	}
	out := make([]string, len(list))
	for i, v := range list {
		s, ok := v.(string)
		if !ok || s == "" {
			r.fail(o, key+"["+strconv.Itoa(i)+"]", "a string that is not empty")
		}
		out[i] = s
	}
	return out
}
