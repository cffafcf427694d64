import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import software.amazon.dynamodb.services.local.main.ServerRunner;
import software.amazon.dynamodb.services.local.server.DynamoDBProxyServer;

/**
 * Starts DynamoDB Local on a free port of the loopback interface alone; by itself it listens on all of them. It writes the port to its standard output,
 * and ends with its standard input.
 */
public final class Loopback {
    public static void main(String[] args) throws Exception {
        DynamoDBProxyServer dynamo = ServerRunner.createServerFromCommandLineArgs(
            new String[] {"-inMemory", "-sharedDb", "-disableTelemetry"});
        ServerConnector listening = null;
        var field = DynamoDBProxyServer.class.getDeclaredField("server");
        field.setAccessible(true);
        for (Connector connector : ((Server) field.get(dynamo)).getConnectors()) {
            listening = (ServerConnector) connector;
            listening.setHost("127.0.0.1");
            listening.setPort(0);
        }
        dynamo.start();
        System.out.println(listening.getLocalPort());
        System.in.transferTo(java.io.OutputStream.nullOutputStream());
        System.exit(0);
    }
}
