package peers;

import java.nio.charset.StandardCharsets;

/** A record to write: into the topic of sessions or of actions. */
record Output(boolean action, String user, byte[] value) {
	static Output session(String user, String json) {
		return new Output(false, user, json.getBytes(StandardCharsets.UTF_8));
	}

	static Output action(String user, String json) {
		return new Output(true, user, json.getBytes(StandardCharsets.UTF_8));
	}

	static Output count(String user, long n) {
		return session(user, "{\"user\":\"" + user + "\",\"count\":" + n + "}");
	}

	String topic(String app) {
		return app + (action ? ".actions" : ".sessions");
	}
}
