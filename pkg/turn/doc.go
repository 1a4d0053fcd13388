// Package turn issues credentials for an external TURN server.
//
// The server and the issuer share a secret. A username is the second at which it expires and a name of no meaning to the TURN server;
// the password is the HMAC-SHA1 of the username under the secret. coturn calls this use-auth-secret
// (draft-uberti-behave-turn-rest-00). Nothing is stored and no request is made.
package turn
