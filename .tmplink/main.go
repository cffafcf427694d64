package main

import (
	"context"
	"os"
	"time"
	"fmt"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graph"
)

func main() {
	p, err := graph.New(graph.Options{BaseURL: os.Args[1], Token: "x"})
	if err != nil { panic(err) }
	var q calendar.Provider = p
	fmt.Println(q.Events(context.Background(), "a", "b", time.Now(), time.Now()))
	fmt.Println(p.Masters(context.Background(), "a", "b"))
	fmt.Println(p.MasterCategories(context.Background(), "a"))
	fmt.Println(p.MailboxSettings(context.Background(), "a"))
}
