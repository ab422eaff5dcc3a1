package peers;

import org.apache.flink.api.common.serialization.SerializerConfig;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;

/** A type that is stored and sent by its codec. */
final class FlinkCodecType<T> extends TypeInformation<T> {
	private final Class<T> type;
	private final Codec<T> codec;

	FlinkCodecType(Class<T> type, Codec<T> codec) {
		this.type = type;
		this.codec = codec;
	}

	@Override
	public boolean isBasicType() {
		return false;
	}

	@Override
	public boolean isTupleType() {
		return false;
	}

	@Override
	public int getArity() {
		return 1;
	}

	@Override
	public int getTotalFields() {
		return 1;
	}

	@Override
	public Class<T> getTypeClass() {
		return type;
	}

	@Override
	public boolean isKeyType() {
		return false;
	}

	@Override
	public TypeSerializer<T> createSerializer(SerializerConfig config) {
		return new FlinkCodecSerializer<>(codec);
	}

	@Override
	public String toString() {
		return type.getSimpleName();
	}

	@Override
	public boolean equals(Object other) {
		return other instanceof FlinkCodecType<?> t && t.type == type;
	}

	@Override
	public int hashCode() {
		return type.hashCode();
	}

	@Override
	public boolean canEqual(Object other) {
		return other instanceof FlinkCodecType<?>;
	}
}
