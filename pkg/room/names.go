package room

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxName is how many code points a participant's or a room's name may have.
const maxName = 64

// maxMarks is how many combining marks and joiners may follow a letter. Living scripts stack four; floods use thousands.
const maxMarks = 5

// guest is the name of a participant that gives none.
const guest = "Guest"

// ValidRoomName reports whether name is 1 to 64 of A-Z a-z 0-9 _ -.
func ValidRoomName(name string) bool {
	if len(name) == 0 || len(name) > maxName {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// CleanName returns name as others may be shown it: in normal form C, without control, direction-override and invisible
// characters, on one line, with at most five combining marks in a row. A name of which nothing can be seen becomes "Guest". What
// is longer than 64 code points then is ErrBadName. Cleaning a clean name changes nothing. The result is text, not HTML.
func CleanName(name string) (string, error) {
	name = strings.Map(printable, strings.ToValidUTF8(name, ""))
	name = limitMarks(norm.NFC.String(name))
	name = strings.Join(strings.Fields(name), " ")
	if utf8.RuneCountInString(name) > maxName {
		return "", ErrBadName
	}
	if !strings.ContainsFunc(name, visible) {
		return guest, nil
	}
	return name, nil
}

// printable maps white space to a blank and drops what shows nothing or steers the text around it.
func printable(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case joiner(r):
		return r
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs), blank(r):
		return -1
	}
	return r
}

// blank reports characters that are letters, marks or symbols by category and yet show nothing (Default_Ignorable_Code_Point and
// the empty Braille pattern). Variation selectors stay: they choose between text and emoji.
func blank(r rune) bool {
	switch r {
	case '\u034F', '\u115F', '\u1160', '\u17B4', '\u17B5', '\u2800', '\u3164', '\uFFA0':
		return true
	}
	return false
}

// joiner reports the two format characters that scripts and emoji need.
func joiner(r rune) bool { return r == '\u200C' || r == '\u200D' }

func mark(r rune) bool { return unicode.Is(unicode.M, r) || joiner(r) }

func visible(r rune) bool { return r != ' ' && !mark(r) }

// limitMarks drops marks that follow nothing and those beyond maxMarks in a row.
func limitMarks(s string) string {
	marks := maxMarks
	return strings.Map(func(r rune) rune {
		switch {
		case !mark(r):
			marks = 0
			if r == ' ' {
				marks = maxMarks
			}
		case marks == maxMarks:
			return -1
		default:
			marks++
		}
		return r
	}, s)
}
