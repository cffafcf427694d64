// Command api answers the HTTP API behind API Gateway.
package main

import "adminassistant/shared/app"

// version is set when the function is built for deployment.
var version = "dev"

func main() {
	app.MustOpenFunction(version, "ADMIN_ASSISTANT_BUCKET", "ADMIN_ASSISTANT_KEY", "ADMIN_ASSISTANT_QUEUE_ARCHIVE", "ADMIN_ASSISTANT_QUEUE_BACKUP",
		"ADMIN_ASSISTANT_SIGN_IN_AUDIENCE", "ADMIN_ASSISTANT_SIGN_IN_TENANTS").StartAPI()
}
