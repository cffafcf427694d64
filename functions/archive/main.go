// Command archive carries out the archive and undo runs that SQS delivers.
package main

import "adminassistant/shared/app"

// version is set when the function is built for deployment.
var version = "dev"

func main() {
	app.MustOpenFunction(version, "ADMIN_ASSISTANT_BUCKET", "ADMIN_ASSISTANT_KEY", "ADMIN_ASSISTANT_QUEUE_ARCHIVE", "ADMIN_ASSISTANT_QUEUE_ARCHIVE_DEAD",
		"ADMIN_ASSISTANT_QUEUE_NOTIFY").StartArchive()
}
