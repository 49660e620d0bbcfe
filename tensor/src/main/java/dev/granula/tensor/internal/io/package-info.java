/** Reading and writing files strictly: JSON without loopholes, files that are whole or absent. */
@NullMarked
package dev.granula.tensor.internal.io;

import org.jspecify.annotations.NullMarked;
