package room_test

import (
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"sfu/pkg/room"
)

func TestCleanName(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"plain", "Ada", "Ada"},
		{"empty", "", "Guest"},
		{"blanks", " \t\n ", "Guest"},
		{"spaces", "  Ada \u00A0 Lovelace ", "Ada Lovelace"},
		{"line break", "Ada\r\nLovelace", "Ada Lovelace"},
		{"paragraph separator", "Ada\u2029L", "Ada L"},
		{"control characters", "A\x00d\x1b[31ma\x7f", "Ad[31ma"},
		{"right-to-left override", "Ada\u202Egpj.exe\u202C", "Adagpj.exe"},
		{"isolates", "\u2066Ada\u2069", "Ada"},
		{"zero width space", "A\u200Bd\uFEFFa", "Ada"},
		{"nothing to see", "\u200D\u3164\u2800\u034F", "Guest"},
		{"marks on nothing", "\u0301\u0301", "Guest"},
		{"composed", "A\u0308rger", "\u00C4rger"},
		{"composed across what is stripped", "A\u200B\u0308", "\u00C4"},
		{"flood of marks", "Z" + strings.Repeat("\u0335", 10_000) + "a", "Z" + strings.Repeat("\u0335", 5) + "a"},
		{"flood of joiners", "a" + strings.Repeat("\u200D", 10_000), "a" + strings.Repeat("\u200D", 5)},
		{"invalid UTF-8", "A\xff\xfeda", "Ada"},
		{"markup is text", `<img src=x onerror=alert(1)>`, `<img src=x onerror=alert(1)>`},
		{"family", "\U0001F468\u200D\U0001F469\u200D\U0001F467", "\U0001F468\u200D\U0001F469\u200D\U0001F467"},
		{"heart", "\u2764\uFE0F", "\u2764\uFE0F"},
		{"persian", "\u0645\u06CC\u200C\u062E\u0648\u0627\u0647\u0645", "\u0645\u06CC\u200C\u062E\u0648\u0627\u0647\u0645"},
		{"hindi", "\u0915\u094D\u0937\u0947\u0924\u094D\u0930\u0940", "\u0915\u094D\u0937\u0947\u0924\u094D\u0930\u0940"},
		{"longest", strings.Repeat("\u00E4", 64), strings.Repeat("\u00E4", 64)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := room.CleanName(test.in)
			if err != nil || got != test.want {
				t.Errorf("CleanName(%+q) = %+q, %v, want %+q", test.in, got, err, test.want)
			}
		})
	}
	if got, err := room.CleanName(strings.Repeat("x", 65)); !errors.Is(err, room.ErrBadName) {
		t.Errorf("65 letters became %q, %v", got, err)
	}
}

func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"", "Ada", "A\u0308\u202E\u200B", "\u1100\u0301\u1161", "\u09C7\u0301\u09BE", " \u0301a", "\xff", "e\u200B\u0301\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := room.CleanName(in)
		if err != nil {
			if !errors.Is(err, room.ErrBadName) || utf8.RuneCountInString(in) <= 64 && norm.NFC.IsNormalString(in) {
				t.Fatalf("CleanName(%+q): %v", in, err)
			}
			return
		}
		if again, err := room.CleanName(got); err != nil || again != got {
			t.Fatalf("%+q became %+q and that %+q, %v", in, got, again, err)
		}
		if n := utf8.RuneCountInString(got); n == 0 || n > 64 || !utf8.ValidString(got) || !norm.NFC.IsNormalString(got) {
			t.Fatalf("%+q became %+q", in, got)
		}
		for _, r := range got {
			if unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r) || unicode.IsSpace(r) && r != ' ' {
				t.Fatalf("%+q became %+q, which has %U", in, got, r)
			}
		}
	})
}

func TestValidRoomName(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "Kitchen_2-b": true, strings.Repeat("x", 64): true,
		"": false, strings.Repeat("x", 65): false, "a b": false, "a/b": false, "..": false, "ä": false, "a\n": false, "a\x00": false,
	} {
		if got := room.ValidRoomName(name); got != want {
			t.Errorf("ValidRoomName(%q) = %v", name, got)
		}
	}
}

func FuzzValidRoomName(f *testing.F) {
	for _, s := range []string{"", "kitchen", "a/b", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
		foreign := strings.ContainsFunc(name, func(r rune) bool { return !strings.ContainsRune(allowed, r) })
		want := len(name) >= 1 && len(name) <= 64 && !foreign
		if got := room.ValidRoomName(name); got != want {
			t.Errorf("ValidRoomName(%q) = %v", name, got)
		}
	})
}
