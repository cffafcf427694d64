// Command notify sends the notifications that are due by e-mail, and fails the runs that dead letters name.
package main

import "adminassistant/shared/app"

// version is set when the function is built for deployment.
var version = "dev"

func main() {
	app.MustOpenFunction(version, "ADMIN_ASSISTANT_QUEUE_NOTIFY", "ADMIN_ASSISTANT_QUEUE_NOTIFY_DEAD", "ADMIN_ASSISTANT_QUEUE_ARCHIVE_DEAD",
		"ADMIN_ASSISTANT_QUEUE_BACKUP_DEAD", "ADMIN_ASSISTANT_MAIL_FROM").StartNotify()
}
