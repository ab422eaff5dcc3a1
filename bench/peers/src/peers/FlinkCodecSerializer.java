package peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.common.typeutils.TypeSerializerSchemaCompatibility;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.core.memory.DataOutputView;
import org.apache.flink.util.InstantiationUtil;

/**
 * Any codec as a Flink serializer: no reflection, no Kryo ("Serialization tuning" in Flink's documentation
 * of performance puts a serializer of one's own first).
 */
public final class FlinkCodecSerializer<T> extends TypeSerializer<T> {
	private final Codec<T> codec;

	FlinkCodecSerializer(Codec<T> codec) {
		this.codec = codec;
	}

	@Override
	public boolean isImmutableType() {
		return false;
	}

	@Override
	public TypeSerializer<T> duplicate() {
		return this;
	}

	@Override
	public T createInstance() {
		return null;
	}

	@Override
	public T copy(T from) {
		DataOutputSerializer out = new DataOutputSerializer(128);

		try {
			codec.write(from, out);
			return codec.read(new DataInputDeserializer(out.getSharedBuffer(), 0, out.length()));
		} catch (IOException e) {
			throw new UncheckedIOException(e);
		}
	}

	@Override
	public T copy(T from, T reuse) {
		return copy(from);
	}

	@Override
	public int getLength() {
		return -1;
	}

	@Override
	public void serialize(T value, DataOutputView out) throws IOException {
		codec.write(value, out);
	}

	@Override
	public T deserialize(DataInputView in) throws IOException {
		return codec.read(in);
	}

	@Override
	public T deserialize(T reuse, DataInputView in) throws IOException {
		return codec.read(in);
	}

	@Override
	public void copy(DataInputView in, DataOutputView out) throws IOException {
		codec.write(codec.read(in), out);
	}

	@Override
	public boolean equals(Object other) {
		return other instanceof FlinkCodecSerializer<?> s && s.codec.getClass() == codec.getClass();
	}

	@Override
	public int hashCode() {
		return codec.getClass().hashCode();
	}

	@Override
	public TypeSerializerSnapshot<T> snapshotConfiguration() {
		return new Snapshot<>(codec);
	}

	/** What a checkpoint keeps of it: the codec itself. */
	public static final class Snapshot<T> implements TypeSerializerSnapshot<T> {
		private Codec<T> codec;

		public Snapshot() {
		}

		Snapshot(Codec<T> codec) {
			this.codec = codec;
		}

		@Override
		public int getCurrentVersion() {
			return 1;
		}

		@Override
		public void writeSnapshot(DataOutputView out) throws IOException {
			byte[] bytes = InstantiationUtil.serializeObject(codec);

			out.writeInt(bytes.length);
			out.write(bytes);
		}

		@Override
		public void readSnapshot(int version, DataInputView in, ClassLoader loader) throws IOException {
			byte[] bytes = new byte[in.readInt()];

			in.readFully(bytes);
			try {
				codec = InstantiationUtil.deserializeObject(bytes, loader);
			} catch (ClassNotFoundException e) {
				throw new IOException(e);
			}
		}

		@Override
		public TypeSerializer<T> restoreSerializer() {
			return new FlinkCodecSerializer<>(codec);
		}

		@Override
		public TypeSerializerSchemaCompatibility<T> resolveSchemaCompatibility(TypeSerializerSnapshot<T> old) {
			return TypeSerializerSchemaCompatibility.compatibleAsIs();
		}
	}
}
