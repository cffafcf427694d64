// Command dispatcher starts the runs of jobs that are due, once a minute.
package main

import "adminassistant/shared/app"

// version is set when the function is built for deployment.
var version = "dev"

func main() {
	app.MustOpenFunction(version, "ADMIN_ASSISTANT_QUEUE_ARCHIVE", "ADMIN_ASSISTANT_QUEUE_BACKUP", "ADMIN_ASSISTANT_QUEUE_NOTIFY").StartDispatcher()
}
