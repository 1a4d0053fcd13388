package auth

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Sign makes a token for g, issued at the time now. g.Expires must lie within the next 24 hours; Room and Identity must be set.
// The key must know its private part.
func Sign(k Key, g Grant, now time.Time) (string, error) {
	if !k.CanSign() {
		return "", fmt.Errorf("key %q has no private part, it can only check tokens", k.ID)
	}
	if g.Room == "" || g.Identity == "" {
		return "", errors.New("a token needs a room and an identity")
	}
	c := claimsOf(g, now)
	if err := c.checkTimes(now); err != nil {
		return "", err
	}
	if err := c.checkIdentity(); err != nil {
		return "", err
	}
	if _, err := c.grant(); err != nil {
		return "", err
	}
	token := jwt.NewWithClaims(k.method, c)
	token.Header["kid"] = k.ID
	signed, err := token.SignedString(k.signing)
	if err != nil {
		return "", fmt.Errorf("sign with key %q: %w", k.ID, err)
	}
	if len(signed) > MaxTokenBytes {
		return "", fmt.Errorf("the token would have %d bytes, %d are allowed", len(signed), MaxTokenBytes)
	}
	return signed, nil
}

func claimsOf(g Grant, now time.Time) *claims {
	publish := g.Publish
	if publish == nil {
		publish = []Source{}
	}
	expires, issued := numericDate(g.Expires.Unix()), numericDate(now.Unix())
	return &claims{
		Identity: g.Identity, Room: g.Room, Name: g.Name, TokenID: g.TokenID,
		Permissions: &permissions{Publish: &publish, Subscribe: &g.Subscribe, Chat: &g.Chat, Moderate: g.Moderate},
		Expires:     &expires, IssuedAt: &issued,
	}
}
