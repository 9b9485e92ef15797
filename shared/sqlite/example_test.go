package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"hermod/shared/job"
	"hermod/shared/sqlite"
)

func ExampleOpen() {
	ctx := context.Background()
	folder, err := os.MkdirTemp("", "hermod")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)

	db, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(folder, "hermod.db")})
	if err != nil {
		panic(err)
	}
	defer db.Close()
	_, err = sqlite.Open(ctx, sqlite.Config{Path: db.Path})
	fmt.Println("opened twice:", errors.Is(err, sqlite.ErrInUse))

	j := job.Launch(job.Job{UID: "0190a5d1-7c00-7abc-8def-fedcba987654", Project: "p", Name: "nightly"}, time.Now())
	if err := db.Jobs().Create(ctx, j); err != nil {
		panic(err)
	}
	entries, err := db.Jobs().Changes(ctx, 10, time.Minute)
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		fmt.Println(e.Job.Name, "is", e.Job.Status)
		if err := db.Jobs().Passed(ctx, e.ID); err != nil {
			panic(err)
		}
	}
	// Output:
	// opened twice: true
	// nightly is pending
}
