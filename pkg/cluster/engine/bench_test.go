package engine

import (
	"context"
	"fmt"
	"testing"
)

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		e, err := Open(Config{Node: "node", Incarnation: "BENCH"}, make(recorder, 2))
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		e.Close()
		b.StartTimer()
	}
}

func BenchmarkCreate(b *testing.B) {
	e, _ := open(b, Config{})
	value := make([]byte, 300)
	n := 0
	for b.Loop() {
		n++
		if _, err := e.Create(context.Background(), fmt.Sprint("k", n), value); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUpdate(b *testing.B) {
	e, _ := open(b, Config{})
	value := make([]byte, 300)
	revision := must[uint64](b)(e.Create(context.Background(), "k", value))
	for b.Loop() {
		var err error
		if revision, err = e.Update(context.Background(), "k", value, revision); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	e, _ := open(b, Config{})
	must[uint64](b)(e.Create(context.Background(), "k", make([]byte, 300)))
	for b.Loop() {
		if _, err := e.Get(context.Background(), "k"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	e, _ := open(b, Config{})
	data := make([]byte, 300)
	b.ReportAllocs()
	for b.Loop() {
		if err := e.Publish("nobody", data); err != nil {
			b.Fatal(err)
		}
	}
}
