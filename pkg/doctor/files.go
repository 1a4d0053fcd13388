package doctor

import (
	"io/fs"
	"os"
)

// A SecretFile is one that only the server should read.
type SecretFile struct {
	// Flag is the setting that names it.
	Flag, Path string
}

// secretState is what was seen of one.
type secretState struct {
	SecretFile
	err  error // of reading it
	mode fs.FileMode
	size int64
}

func statSecrets(files []SecretFile) []secretState {
	var all []secretState
	for _, f := range files {
		st := secretState{SecretFile: f}
		opened, err := os.Open(f.Path)
		if err != nil {
			st.err = err
			all = append(all, st)
			continue
		}
		info, err := opened.Stat()
		if st.err = err; err == nil {
			st.mode, st.size = info.Mode(), info.Size()
		}
		_ = opened.Close() // it was only read
		all = append(all, st)
	}
	return all
}

// judgeSecrets says who else can read them. In a container nobody else is there.
func judgeSecrets(states []secretState, container bool) []Finding {
	var all []Finding
	for _, st := range states {
		const others = 0o004
		switch {
		case st.err != nil:
			all = append(all, found(Fail, "file-unreadable", "The file of %s cannot be read: %v.", st.Flag, st.err))
		case st.mode.IsDir() || st.size == 0 && st.mode.IsRegular():
			all = append(all, found(Fail, "file-unreadable", "The file of %s, %s, holds nothing.", st.Flag, st.Path))
		case st.mode.Perm()&others != 0 && !container:
			all = append(all, found(Warn, "file-exposed", "Every user of this machine can read %s (%s).", st.Path, st.Flag).do("chmod o-rwx %s", st.Path))
		default:
			all = append(all, found(OK, "file", "The file of %s is there, and others cannot read it.", st.Flag))
		}
	}
	return all
}

// judgeKeys says what tokens can be made and who may come in.
func judgeKeys(k Keys) []Finding {
	switch {
	case k.Err != nil:
		return []Finding{found(Fail, "keys-invalid", "%v.", k.Err)}
	case k.Count == 0:
		return []Finding{found(Info, "keys-open", "Rooms are open to anyone who reaches the server.")}
	case k.Sign:
		return []Finding{found(OK, "keys", "Rooms need a token; %d keys can be used.", k.Count)}
	default:
		return []Finding{found(OK, "keys", "Rooms need a token; %d keys can be used, none of which can sign here.", k.Count)}
	}
}
