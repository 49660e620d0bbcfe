/** Variables, differentiable operations and the engine that walks their graph backward. */
@NullMarked
package dev.granula.autograd;

import org.jspecify.annotations.NullMarked;
