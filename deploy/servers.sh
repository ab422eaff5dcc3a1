#!/bin/bash
# A one-node Kafka (KRaft) and a Redis in a scratch folder, for tests, benchmarks and the demo.
# Ends just what it started. See usage() for the commands.
set -euo pipefail

usage()
{
	cat <<'END'
Usage: deploy/servers.sh COMMAND DIR [ARGUMENT]...
  start DIR [--kafka] [--redis] [--acl] [--behind PORT] [--appendonly] [--requirepass PASSWORD]
                           starts Kafka and Redis (or only those named), waits until they answer,
                           and writes DIR/env: SERVERS_DIR, KAFKA_BROKERS, REDIS_URL, REDIS_SOCKET, pids
      --acl                a second listener (KAFKA_SASL_BROKERS) for SASL/PLAIN users alice and bob
                           (password: the name and "-secret") who may do what ACLs allow; those on
                           the first listener may do everything
      --behind PORT        one more listener, KAFKA_BEHIND, that tells its clients to come to PORT:
                           for a proxy there that hands on to it
  stop DIR                 ends them; the data stay
  stop-kafka DIR, start-kafka DIR, kill-kafka DIR     one server, same ports, same data;
  stop-redis DIR, start-redis DIR, kill-redis DIR     kill: at once, as a crash would
  topic DIR NAME PARTITIONS [KEY=VALUE]...            creates a topic
  truncate DIR TOPIC PARTITION=OFFSET...              drops the records before those offsets
  acl DIR ARGUMENT...      Kafka's own ACL tool, e.g. --add --allow-principal User:alice ...
  kafka-home               prints the folder that deploy/setup.sh puts Kafka's jars in
END
}

here=$(cd "$(dirname "$0")" && pwd)
python=/usr/bin/python3  # Debian's own: it has the Kafka client that setup.sh installs

die()
{
	echo "servers: $*" >&2
	exit 1
}

kafka_home()
{
	"$here/jars.sh" --where kafka "$here/kafka/pom.xml"
}

java_run()
{
	exec java -Xms256m -Xmx"${KAFKA_HEAP:-1g}" -XX:+UseG1GC -XX:MaxGCPauseMillis=20 \
		-Dlog4j2.configurationFile="$here/kafka/log4j2.properties" -cp "$(kafka_home)/*" "$@"
}

# Whether DIR/NAME.pid names a process that was started for DIR (a pid can be used anew).
running()
{
	local pid

	[ -s "$dir/$1.pid" ] || return 1
	pid=$(cat "$dir/$1.pid")
	tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF "$dir"
}

# A process that ends gives its memory back first, and with it its command line; its files and ports are
# free when its last thread is gone.
dying()
{
	[ -e "/proc/$1/cmdline" ] && [ -z "$(tr -d '\0' <"/proc/$1/cmdline" 2>/dev/null)" ] || return 1
	[ "$(find "/proc/$1/task" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)" -gt 1 ] ||
		! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null
}

# end NAME SIGNAL SECONDS: kills it for good where the signal was not enough.
end()
{
	local pid deadline=$((SECONDS + $3))

	if running "$1"; then
		pid=$(cat "$dir/$1.pid")
		kill -s "$2" "$pid" 2>/dev/null || true
		while running "$1" || dying "$pid"; do
			if [ $SECONDS -ge $deadline ]; then
				kill -s KILL "$pid" 2>/dev/null || true
				deadline=$((SECONDS + 5))
			fi
			sleep 0.02
		done
	fi
	rm -f "$dir/$1.pid"
}

kafka_configure()
{
	local port controller sasl inner
	local listeners protocols names

	read -r -d '' port controller sasl inner < <("$python" "$here/kafka/admin.py" ports 4; printf '\0')
	listeners="PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller"
	names="PLAINTEXT://127.0.0.1:$port"
	protocols='PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT'
	if [ "$acl" = yes ]; then
		listeners="$listeners,USERS://127.0.0.1:$sasl"
		names="$names,USERS://127.0.0.1:$sasl"
		protocols="$protocols,USERS:SASL_PLAINTEXT"
	fi
	if [ -n "$behind" ]; then
		listeners="$listeners,BEHIND://127.0.0.1:$inner"
		names="$names,BEHIND://127.0.0.1:$behind"
		protocols="$protocols,BEHIND:PLAINTEXT"
		printf '%s\n' "127.0.0.1:$inner" >"$dir/kafka.behind"
	fi
	# Retention has no limit: tests write events of years ago, with their times.
	cat >"$dir/kafka.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
listeners=$listeners
advertised.listeners=$names
listener.security.protocol.map=$protocols
log.dirs=$dir/kafka-data
log.retention.ms=-1
auto.create.topics.enable=false
delete.topic.enable=true
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=8
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
num.network.threads=2
num.io.threads=4
END
	if [ "$acl" = yes ]; then
		cat >>"$dir/kafka.properties" <<END
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
listener.name.users.sasl.enabled.mechanisms=PLAIN
listener.name.users.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="alice-secret" user_bob="bob-secret";
END
	fi
	printf '%s\n' "127.0.0.1:$port" >"$dir/kafka.brokers"
	printf '%s\n' "127.0.0.1:$sasl" >"$dir/kafka.sasl"
	rm -rf "$dir/kafka-data"
	# Kafka's own form of a random UUID: 22 characters of base64.
	(java_run kafka.tools.StorageTool format -t "$(head -c 16 /dev/urandom | base64 | tr '+/' 'Aa' | cut -c1-22)" \
		-c "$dir/kafka.properties") >"$dir/kafka.log" 2>&1 || return 1
}

kafka_start()
{
	running kafka && die "Kafka runs in $dir already"
	(cd "$dir" && java_run -Dmillrace.scratch="$dir" kafka.Kafka "$dir/kafka.properties") \
		>>"$dir/kafka.log" 2>&1 </dev/null &
	echo $! >"$dir/kafka.pid"
	"$python" "$here/kafka/admin.py" wait "$(cat "$dir/kafka.brokers")" "$(cat "$dir/kafka.pid")" 90 2>>"$dir/kafka.log"
}

redis_configure()
{
	local port

	port=$("$python" "$here/kafka/admin.py" ports 1)
	[ ${#dir} -lt 90 ] || die "$dir: too long a path for a Unix socket"
	cat >"$dir/redis.conf" <<END
bind 127.0.0.1
port $port
unixsocket $dir/redis.sock
dir $dir
save ""
appendonly $appendonly
appendfsync everysec
maxmemory-policy noeviction
daemonize no
END
	if [ -n "$password" ]; then
		echo "requirepass $password" >>"$dir/redis.conf"
	fi
	printf '%s\n' "$port" >"$dir/redis.port"
	printf '%s' "$password" >"$dir/redis.password"
	rm -rf "$dir/appendonlydir" "$dir/dump.rdb"
}

redis_start()
{
	local deadline=$((SECONDS + 30))

	running redis && die "Redis runs in $dir already"
	rm -f "$dir/redis.sock"
	# set-proc-title off: the path stays in the command line, by which running() knows its own.
	(cd "$dir" && exec redis-server "$dir/redis.conf" --set-proc-title no) >>"$dir/redis.log" 2>&1 </dev/null &
	echo $! >"$dir/redis.pid"
	until [ "$(REDISCLI_AUTH=$(cat "$dir/redis.password") redis-cli -s "$dir/redis.sock" ping 2>/dev/null)" = PONG ]; do
		kill -0 "$(cat "$dir/redis.pid")" 2>/dev/null || return 1
		[ $SECONDS -lt $deadline ] || return 1
		sleep 0.02
	done
}

write_env()
{
	{
		echo "SERVERS_DIR=$dir"
		if [ -e "$dir/kafka.brokers" ]; then
			echo "KAFKA_BROKERS=$(cat "$dir/kafka.brokers")"
			[ "$acl" = no ] || echo "KAFKA_SASL_BROKERS=$(cat "$dir/kafka.sasl")"
			[ ! -e "$dir/kafka.behind" ] || echo "KAFKA_BEHIND=$(cat "$dir/kafka.behind")"
			echo "KAFKA_PID=$(cat "$dir/kafka.pid")"
		fi
		if [ -e "$dir/redis.port" ]; then
			echo "REDIS_URL=redis://127.0.0.1:$(cat "$dir/redis.port")"
			echo "REDIS_SOCKET=$dir/redis.sock"
			echo "REDIS_PID=$(cat "$dir/redis.pid")"
		fi
	} >"$dir/env"
}

# truncate TOPIC PARTITION=OFFSET...
truncate_topic()
{
	local topic=$1 list='' at

	shift
	for at; do
		list="$list${list:+,}{\"topic\": \"$topic\", \"partition\": ${at%%=*}, \"offset\": ${at#*=}}"
	done
	echo "{\"partitions\": [$list], \"version\": 1}" >"$dir/truncate.json"
	(java_run org.apache.kafka.tools.DeleteRecordsCommand --bootstrap-server "$(cat "$dir/kafka.brokers")" \
		--offset-json-file "$dir/truncate.json")
}

# Renews the pid in DIR/env after a server was started again.
renew_env()
{
	acl=no
	! grep -q '^KAFKA_SASL_BROKERS=' "$dir/env" || acl=yes
	write_env
}

failed()
{
	tail -n 20 "$dir/$1.log" >&2 || true
	die "$1 did not start; see $dir/$1.log"
}

# A chosen port can be taken before the server has it: so a second and a third try.
start_one()
{
	for _ in 1 2 3; do
		if "$1_configure" && "$1_start"; then
			return
		fi
		end "$1" KILL 5
	done
	failed "$1"
}

stop_all()
{
	end kafka TERM 5
	end redis TERM 5
}

start()
{
	local kafka=no redis=no

	acl=no appendonly=no password='' behind=''
	while [ $# -gt 0 ]; do
		case $1 in
		--kafka) kafka=yes ;;
		--redis) redis=yes ;;
		--acl) acl=yes ;;
		--behind) behind=${2:?}; shift ;;
		--appendonly) appendonly=yes ;;
		--requirepass) password=${2:?}; shift ;;
		*) usage >&2; exit 2 ;;
		esac
		shift
	done
	if [ $kafka = no ] && [ $redis = no ]; then
		kafka=yes redis=yes
	fi
	[ $kafka = no ] || [ -e "$(kafka_home)/complete" ] || die "no Kafka yet: run deploy/setup.sh"
	trap 'test $? = 0 || stop_all' EXIT
	rm -f "$dir"/{kafka,redis}.{brokers,sasl,behind,port}
	[ $redis = no ] || start_one redis
	[ $kafka = no ] || start_one kafka
	write_env
}

command=${1:-}
case $command in
kafka-home) kafka_home; exit ;;
--help | -h) usage; exit ;;
'') usage >&2; exit 2 ;;
esac
[ $# -ge 2 ] || { usage >&2; exit 2; }
[ "$command" != start ] || mkdir -p "$2"
dir=$(cd "$2" && pwd -P)
shift 2
case $command in
start) start "$@" ;;
stop) stop_all ;;
stop-kafka) end kafka TERM 20 ;;
stop-redis) end redis TERM 20 ;;
kill-kafka) end kafka KILL 5 ;;
kill-redis) end redis KILL 5 ;;
start-kafka) kafka_start || failed kafka; renew_env ;;
start-redis) redis_start || failed redis; renew_env ;;
topic) "$python" "$here/kafka/admin.py" topic "$(cat "$dir/kafka.brokers")" "$@" ;;
truncate) truncate_topic "$@" ;;
acl) (java_run org.apache.kafka.tools.AclCommand --bootstrap-server "$(cat "$dir/kafka.brokers")" "$@") ;;
*) usage >&2; exit 2 ;;
esac
