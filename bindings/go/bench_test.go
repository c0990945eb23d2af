package nexus_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"nexus"
)

func BenchmarkStatMissing(b *testing.B) {
	store := newStore(b)
	b.ResetTimer()
	for range b.N {
		store.Stat("/missing")
	}
}

func BenchmarkStat(b *testing.B) {
	store := newStore(b)
	write(b, store, "/a", "1")
	b.ResetTimer()
	for range b.N {
		store.Stat("/a")
	}
}

func BenchmarkStatWithContext(b *testing.B) {
	store := newStore(b)
	write(b, store, "/a", "1")
	store = store.WithContext(background(b))
	b.ResetTimer()
	for range b.N {
		store.Stat("/a")
	}
}

func BenchmarkStatWithContextAsAdmin(b *testing.B) {
	config := quick(b)
	config.IsAdmin = true
	store := open(b, config)
	write(b, store, "/a", "1")
	store = store.WithContext(background(b))
	b.ResetTimer()
	for range b.N {
		store.Stat("/a")
	}
}

// What a context adds to an admin's claim from an empty queue: "ratio" is its cost over that of a claim without one.
func BenchmarkClaimNothingAsAdmin(b *testing.B) {
	store, _ := adminWithMounts(b)
	ctx := background(b)
	var plain, bound time.Duration
	claim := func(ctx context.Context, sum *time.Duration) {
		began := time.Now()
		_, err := store.ClaimWork(ctx, "w", nexus.ClaimOptions{})
		*sum += time.Since(began)
		must(b, err)
	}
	b.ResetTimer()
	for range b.N {
		claim(context.Background(), &plain)
		claim(ctx, &bound)
	}
	b.ReportMetric(float64(plain.Nanoseconds())/float64(b.N), "ns/plain")
	b.ReportMetric(float64(bound.Nanoseconds())/float64(b.N), "ns/context")
	b.ReportMetric(float64(bound)/float64(plain), "ratio")
}

func BenchmarkRead1KiB(b *testing.B) {
	store := newStore(b)
	write(b, store, "/a", string(make([]byte, 1024)))
	b.ResetTimer()
	for range b.N {
		store.Read("/a")
	}
}

func BenchmarkWrite1KiB(b *testing.B) {
	store := newStore(b)
	content := make([]byte, 1024)
	i := 0
	b.ResetTimer()
	for range b.N {
		content[0], content[1], content[2] = byte(i), byte(i>>8), byte(i>>16)
		store.Write(fmt.Sprintf("/d/%d", i), content)
		i++
	}
}

func BenchmarkReaderByteByByte(b *testing.B) {
	for _, size := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			store := newStore(b)
			must(b, store.Write("/a", bytes.Repeat([]byte("x"), size)))
			reader, err := store.Open("/a")
			must(b, err)
			defer reader.Close()
			buf := make([]byte, 1)
			for range b.N {
				if _, err := reader.Read(buf); err != nil {
					reader.Seek(0, 0)
				}
			}
		})
	}
}

func BenchmarkListRows(b *testing.B) {
	store := newStore(b)
	manyFiles(b, store, 20_000)
	rows := 0
	b.ResetTimer()
	for range b.N {
		entries, _, err := store.ListPage(context.Background(), nexus.ListOptions{Recursive: true}, nexus.Page{})
		must(b, err)
		rows += len(entries)
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkListIteration(b *testing.B) {
	store := newStore(b)
	manyFiles(b, store, 20_000)
	rows := 0
	b.ResetTimer()
	for range b.N {
		for _, err := range store.List(context.Background(), nexus.ListOptions{Recursive: true}) {
			must(b, err)
			rows++
		}
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}
