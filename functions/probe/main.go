// Command probe tries new versions of the other functions before a deployment sends anybody to them.
package main

import "adminassistant/shared/app"

// version is set when the function is built for deployment.
var version = "dev"

func main() {
	app.MustOpenFunction(version, "ADMIN_ASSISTANT_BUCKET", "ADMIN_ASSISTANT_VERSIONS").StartProbe()
}
