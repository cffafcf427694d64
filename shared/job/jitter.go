package job

import (
	"context"
	"fmt"
	"time"

	"adminassistant/shared/store"
)

// ByLoad is the Jitter of a job whose user does not say how much: as much as keeps those apart that are due at that time.
const ByLoad = -1

// perMinute is how many runs a minute a new table of DynamoDB can start, with as much left for the runs themselves: it takes 4,000 units a second, and
// a start costs a dozen. See TestACrowd.
const perMinute = 5000

// mostCounted is up to where a crowd is counted, in one shard.
const mostCounted = 2000

// byLoad returns the jitter of one more job that is due at a time: that of few, or longer the more are started in the first minute from then on. So the
// crowd at 23:59 grows in length rather than in height. What it looks at is a shard, which is like all others.
func (s *Jobs) byLoad(ctx context.Context, due time.Time) (int, error) {
	shard := int(hash(due.UTC().Format(dueTime)) % Shards)
	page, err := s.table.Query(ctx, store.Query{
		Index: true, PK: shardKey(shard), From: due.UTC().Format(dueTime), To: due.Add(time.Minute).UTC().Format(dueTime), Limit: mostCounted,
	})
	if err != nil {
		return 0, fmt.Errorf("count what is due at the same time: %w", err)
	}
	if page.Next != "" {
		return MaxJitter, nil
	}
	crowd := len(page.Items) * Shards
	return min(max(DefaultJitter, DefaultJitter*crowd/s.perMinute), MaxJitter), nil
}
