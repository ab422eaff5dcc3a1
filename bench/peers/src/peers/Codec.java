package peers;

import java.io.DataInput;
import java.io.DataOutput;
import java.io.IOException;
import java.io.Serializable;

/** How a value is stored and sent, the same for both engines. Implementations have no fields. */
interface Codec<T> extends Serializable {
	void write(T value, DataOutput out) throws IOException;

	T read(DataInput in) throws IOException;
}
