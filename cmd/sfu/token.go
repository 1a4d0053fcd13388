package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"sfu/pkg/auth"
)

// tokenRequest is what sfu token was asked for.
type tokenRequest struct {
	keysFile, keyID, publish string
	grant                    auth.Grant
	ttl                      time.Duration
	once                     bool
}

func (r *tokenRequest) flags() *flag.FlagSet {
	f := flag.NewFlagSet("token", flag.ContinueOnError)
	f.StringVar(&r.grant.Room, "room", "", "`ROOM` the token is for (needed)")
	f.StringVar(&r.grant.Identity, "identity", "", "`NAME` that is unique in the room, for the server (needed)")
	f.StringVar(&r.grant.Name, "name", "", "`NAME` that others see; without it the person chooses")
	f.DurationVar(&r.ttl, "ttl", 10*time.Minute, "`DURATION` in which the holder must enter, at most 24h")
	f.StringVar(&r.publish, "publish", "microphone,camera,screen,screen_audio", "`SOURCES` that may be sent; \"\" for none")
	f.BoolVar(&r.grant.Subscribe, "subscribe", true, "may see and hear others")
	f.BoolVar(&r.grant.Chat, "chat", true, "may write messages")
	f.BoolVar(&r.grant.Moderate, "moderate", false, "may remove others")
	f.BoolVar(&r.once, "jti", false, "give the token an id, so that a server with --auth-once accepts it")
	f.StringVar(&r.keysFile, "auth-keys-file", "", "`FILE` with the keys; without it SFU_AUTH_KEYS_FILE or SFU_AUTH_KEYS")
	f.StringVar(&r.keyID, "kid", "", "`ID` of the key; without it the first one that can sign")
	return f
}

// runToken prints a token.
func runToken(_ context.Context, args []string, t terminal) error {
	r := tokenRequest{}
	flags := r.flags()
	if err := parseFlags(flags, args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			writeTokenHelp(t.stdout)
			return nil
		}
		return err
	}
	access := Access{KeysFile: r.keysFile}
	if r.keysFile == "" {
		access = Access{KeysFile: t.env["SFU_AUTH_KEYS_FILE"], Keys: secret(t.env["SFU_AUTH_KEYS"])}
	}
	token, err := r.sign(access, time.Now())
	if err != nil {
		return usageError{err}
	}
	_, err = fmt.Fprintln(t.stdout, token)
	return err
}

func (r *tokenRequest) sign(access Access, now time.Time) (string, error) {
	key, err := r.signingKey(access)
	if err != nil {
		return "", err
	}
	r.grant.Expires = now.Add(r.ttl)
	r.grant.Publish = []auth.Source{}
	for _, source := range split([]string{r.publish}) {
		r.grant.Publish = append(r.grant.Publish, auth.Source(source))
	}
	if r.once {
		r.grant.TokenID = rand.Text()
	}
	return auth.Sign(key, r.grant, now)
}

func (r *tokenRequest) signingKey(access Access) (auth.Key, error) {
	keys, err := readKeys(access)
	if err != nil {
		return auth.Key{}, err
	}
	if keys == nil {
		return auth.Key{}, errors.New("a token needs a key: --auth-keys-file, SFU_AUTH_KEYS_FILE or SFU_AUTH_KEYS")
	}
	for _, k := range keys {
		if k.ID == r.keyID || r.keyID == "" && k.CanSign() {
			return k, nil
		}
	}
	if r.keyID == "" {
		return auth.Key{}, errors.New("none of the keys has a private part")
	}
	return auth.Key{}, fmt.Errorf("there is no key %q", r.keyID)
}

func writeTokenHelp(w io.Writer) {
	fmt.Fprint(w, "sfu token prints a token that lets one person into one room.\n\n"+
		"Usage:\n  sfu token --room=kitchen --identity=ann --auth-keys-file=keys\n\nFlags:\n")
	writeFlags(w, (&tokenRequest{}).flags())
}

// writeFlags lists the flags of a command that has its own.
func writeFlags(w io.Writer, flags *flag.FlagSet) {
	flags.VisitAll(func(f *flag.Flag) {
		value, help := flag.UnquoteUsage(f)
		name := f.Name
		if value != "" {
			name += "=" + value
		}
		fmt.Fprintf(w, "  --%s\n", name)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0s" {
			help += ". Default: " + strings.TrimSuffix(f.DefValue, "0s")
		}
		writeWrapped(w, "        ", help+".")
	})
}
