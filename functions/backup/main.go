// Command backup takes messages of the backup queue: backup, restore and drill runs.
package main

import "adminassistant/shared/app"

// version is set when the function is built for deployment.
var version = "dev"

func main() {
	app.MustOpenFunction(version, "ADMIN_ASSISTANT_BUCKET", "ADMIN_ASSISTANT_QUEUE_BACKUP", "ADMIN_ASSISTANT_QUEUE_BACKUP_DEAD",
		"ADMIN_ASSISTANT_QUEUE_NOTIFY").StartBackup()
}
