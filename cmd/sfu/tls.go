package main

import (
	"crypto/tls"
	"time"

	"sfu/pkg/certificate"
)

// serverCertificate is what came of the TLS settings. All of it is nil without TLS.
type serverCertificate struct {
	config    *tls.Config
	refresher refresher
	local     *certificate.Local // of --tls-self
}

func newServerCertificate(t TLS, m machine, now time.Time) (serverCertificate, error) {
	switch {
	case t.CertFile != "":
		files, err := certificate.Load(t.CertFile, t.KeyFile)
		if err != nil {
			return serverCertificate{}, err
		}
		return serverCertificate{config: certificate.Config(files), refresher: files}, nil
	case t.Self:
		local, err := certificate.NewLocal(firstSet(t.StateDir, m.StateDir), m.names(), now)
		if err != nil {
			return serverCertificate{}, err
		}
		return serverCertificate{config: certificate.Config(local), refresher: local, local: local}, nil
	default:
		return serverCertificate{}, nil
	}
}
