package peers;

/** `Main streams|flink NAME=VALUE...`: runs until it is ended, and prints how many events it has read. */
final class Main {
	public static void main(String[] args) throws Exception {
		Job job = new Job(java.util.Arrays.copyOfRange(args, 1, args.length));
		Thread progress = new Thread(Main::print);

		progress.setDaemon(true);
		progress.start();
		if (args[0].equals("streams"))
			StreamsRun.run(job);
		else
			FlinkRun.run(job);
	}

	private static void print() {
		try {
			for (;;) {
				System.out.println(Event.READ.sum());
				Thread.sleep(100);
			}
		} catch (InterruptedException ended) {
			Thread.currentThread().interrupt();
		}
	}
}
