#pragma once

// Which mutex guards a field, and which a function needs, as clang's -Wthread-safety checks it (`make lint`). Empty
// under other compilers. Source: https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#ifdef __clang__
#define MIG_THREAD_ANNOTATION(attribute) __attribute__((attribute))
#else
#define MIG_THREAD_ANNOTATION(attribute)
#endif

// Of a class: it is a mutex, or holds one for as long as it lives.
#define CAPABILITY(name) MIG_THREAD_ANNOTATION(capability(name))
#define SCOPED_CAPABILITY MIG_THREAD_ANNOTATION(scoped_lockable)

// Of a field: it, or what it points to, is touched only while the mutex is held.
#define GUARDED_BY(mutex) MIG_THREAD_ANNOTATION(guarded_by(mutex))
#define PT_GUARDED_BY(mutex) MIG_THREAD_ANNOTATION(pt_guarded_by(mutex))

// Of a function, or of a lambda behind its parameters: the caller holds the mutex, or does not hold it.
#define REQUIRES(...) MIG_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) MIG_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))

// Of a function: it takes the mutex and returns with it, or gives it up.
#define ACQUIRE(...) MIG_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASE(...) MIG_THREAD_ANNOTATION(release_capability(__VA_ARGS__))

// Of a function whose locking the analysis cannot follow.
#define NO_THREAD_SAFETY_ANALYSIS MIG_THREAD_ANNOTATION(no_thread_safety_analysis)
