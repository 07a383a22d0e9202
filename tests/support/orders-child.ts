/** A process that goes by every order, for tests that freeze it: `bun orders-child.ts <NATS URL> <name>`. */
import { answerForOrders, connectBus } from "@millrace/bus";

const [url = "", name = ""] = process.argv.slice(2);
const bus = await connectBus({ urls: [url], name });
answerForOrders(bus, name, async () => true);
await bus.connection.flush();
process.stdout.write("answers\n");
