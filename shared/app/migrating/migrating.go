// Package migrating is for programs of whoever deploys: it brings the table of a stage into the form that the code to be deployed reads. It is apart
// from package app, so that it is built in seconds.
package migrating

import (
	"context"
	"time"

	"adminassistant/shared/awssdk"
	"adminassistant/shared/migration"
	"adminassistant/shared/store/dynamo"
)

// perAttempt is how long the answer to one request may take: a page of a walk is a megabyte.
const perAttempt = 20 * time.Second

// Deployed returns the migration of a table of the account that the environment is signed in to, in a region; empty: the environment's. software is the
// version that will be deployed. Errors are those of awssdk.Load.
func Deployed(ctx context.Context, region, table, software string) (*migration.Migration, error) {
	cfg, err := awssdk.LoadIn(ctx, region)
	if err != nil {
		return nil, err
	}
	return &migration.Migration{
		Table: dynamo.New(awssdk.Apart(awssdk.Within(cfg, perAttempt)), table), Steps: migration.Steps, Clock: time.Now, Software: software,
	}, nil
}
